"""Batches of solutions with their outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import cast

import torch

from learner.batching import IGNORED, MicroBatch, TokenSequence, collate
from learner.value.samples import ValueSequence


@dataclass(frozen=True, slots=True)
class ValueBatch(MicroBatch):
    """A micro batch with the outcomes of its solutions.

    `outcomes` is float32 [sequences, heads]. `spoken`, int64 [sequences, tokens], has the labels of the language loss.
    The values after a token are trained where its label in `labels` is not ignored.
    """

    outcomes: torch.Tensor
    spoken: torch.Tensor


def collate_values(sequences: Sequence[TokenSequence], indexes: Sequence[int], pad_id: int) -> ValueBatch:
    """Pad the sequences at `indexes`, as `learner.batching.collate` does, also without any."""
    chosen = [cast(ValueSequence, sequences[index]) for index in indexes]
    batch = collate(sequences, indexes, pad_id)
    heads = len(cast(ValueSequence, sequences[0]).outcomes)
    outcomes = torch.zeros(len(batch.input_ids), heads)
    spoken = torch.full_like(batch.labels, IGNORED)
    for row, sequence in enumerate(chosen):
        outcomes[row] = torch.tensor(sequence.outcomes)
        speaks = torch.from_numpy(sequence.speaks)
        spoken[row, : len(sequence)] = batch.input_ids[row, : len(sequence)].where(speaks, IGNORED)
    spoken[:, 0] = IGNORED
    return ValueBatch(**{one.name: getattr(batch, one.name) for one in fields(batch)}, outcomes=outcomes, spoken=spoken)
