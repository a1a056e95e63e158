"""Scores by torch and transformers, in batches of about the same length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch

from actors.engine.dtype import resolve_dtype
from actors.scoring.scorer import ScoringError, choose_values, require_lengths
from actors.settings import EngineSettings

_BATCH_TOKENS = 16_384


class TorchScorer:
    """A value model in this process."""

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        """Load it on a GPU if torch sees one. Raises `ScoringError` if it cannot be loaded."""
        from transformers import AutoModelForSequenceClassification
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._max_tokens = settings.max_model_len
        dtype = getattr(torch, resolve_dtype(settings.dtype, on_gpu=self._device.type == "cuda"))
        try:
            model: Any = AutoModelForSequenceClassification.from_pretrained(folder, dtype=dtype)
        except (OSError, ValueError, RuntimeError) as error:
            raise ScoringError(f"the value model in {folder} cannot be loaded: {error}") from error
        if model.config.problem_type != "regression":
            raise ScoringError(f"the model in {folder} is no value model: its problem type is not regression")
        self._backbone: Any = model.base_model.to(self._device).eval()
        self._head: Any = model.score.to(self._device).float()

    def score(self, sequences: Sequence[Sequence[int]], keys: Sequence[int] | None = None) -> list[float]:
        """See `Scorer.score`."""
        require_lengths(sequences, self._max_tokens)
        values: list[list[float]] = [[]] * len(sequences)
        with torch.inference_mode():
            for indexes in _batches([len(sequence) for sequence in sequences]):
                for index, found in zip(indexes, self._batch([sequences[i] for i in indexes]), strict=True):
                    values[index] = found
        return choose_values(values, keys)

    def _batch(self, sequences: Sequence[Sequence[int]]) -> list[list[float]]:
        """The values of each sequence, one of each head."""
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        ids = torch.zeros((len(sequences), int(lengths.max())), dtype=torch.int64)
        for row, sequence in enumerate(sequences):
            ids[row, : len(sequence)] = torch.tensor(sequence)
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        output = self._backbone(input_ids=ids.to(self._device), attention_mask=mask.to(self._device), use_cache=False)
        last = output.last_hidden_state[torch.arange(len(sequences)), lengths - 1]
        values: list[list[float]] = self._head(last.float()).tolist()
        return values

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        del self._backbone, self._head
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indexes of sequences in batches of at most `_BATCH_TOKENS` padded tokens, the longest first."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
