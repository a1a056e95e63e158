"""Batching: from rollouts to padded batches, identical on all ranks that have the same samples and seed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from learner.settings import PhaseSettings
from store.records import Rollout

IGNORED = -100
"""The label of a token without loss, as in torch and transformers."""


class NoTrainingSamplesError(ValueError):
    """A training set has no sample that can be trained on."""


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """One sample: `ids` and `mask` of the same length [tokens]; the loss is taken where `mask` is True."""

    ids: npt.NDArray[np.int32]
    mask: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def loss_tokens(self) -> int:
        """The number of tokens with loss. The first token has no predecessor, so it is never predicted."""
        return int(self.mask[1:].sum())


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """The input of one forward pass: int64 tensors [sequences, tokens]; `labels` are not shifted."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One optimizer step: sequence indexes by [rank][micro batch], with the same number of micro batches per rank.

    `loss_tokens` counts over all ranks, so that each can compute the mean over the whole step without communication.
    """

    ranks: tuple[tuple[tuple[int, ...], ...], ...]
    loss_tokens: int
    tokens: int


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The sequences that can be trained on, and the number of samples skipped for each reason."""

    sequences: tuple[TokenSequence, ...]
    too_long: int = 0
    without_loss: int = 0


def sequence_of(rollout: Rollout) -> TokenSequence:
    """The tokens of `rollout` exactly as the policy saw them: the prompt (no loss), then the policy's and the
    interpreter's."""
    assert len(rollout.token_ids) == len(rollout.model_mask), f"rollout {rollout.id}: one mask flag per token"
    ids = np.array(rollout.prompt_ids + rollout.token_ids, dtype=np.int32)
    mask = np.array((False,) * len(rollout.prompt_ids) + rollout.model_mask, dtype=np.bool_)
    return TokenSequence(ids, mask)


def training_data(rollouts: Iterable[Rollout], max_sequence_tokens: int) -> TrainingData:
    """The trainable part of `rollouts`. Samples that are too long are skipped: truncated ones would teach to truncate.

    Raises:
        NoTrainingSamplesError: no sample is left.
    """
    kept, too_long, without_loss = [], 0, 0
    for rollout in rollouts:
        sequence = sequence_of(rollout)
        if len(sequence) > max_sequence_tokens:
            too_long += 1
        elif sequence.loss_tokens == 0:
            without_loss += 1
        else:
            kept.append(sequence)
    if not kept:
        raise NoTrainingSamplesError(
            f"nothing to train on: {too_long} samples exceed max_sequence_tokens = {max_sequence_tokens}, "
            f"{without_loss} have no token that the policy wrote"
        )
    return TrainingData(tuple(kept), too_long, without_loss)


def num_steps(num_sequences: int, phase: PhaseSettings) -> int:
    """The number of optimizer steps that `phase` takes over `num_sequences` sequences."""
    per_epoch = -(-num_sequences // phase.batch_size)
    limits = [phase.steps, per_epoch * phase.epochs if phase.epochs is not None else None]
    return min(limit for limit in limits if limit is not None)


def plan_steps(
    sequences: Sequence[TokenSequence], phase: PhaseSettings, num_ranks: int, seed: int, first: int = 0
) -> Iterator[StepPlan]:
    """The steps of a phase in order, from `first` on.

    Each epoch visits every sequence once, in an order given by the seed.
    """
    total, step, epoch = num_steps(len(sequences), phase), 0, 0
    while step < total:
        for batch in _epoch_batches(sequences, phase, np.random.default_rng((seed, epoch)))[: total - step]:
            if step >= first:
                yield _plan_step(sequences, batch, phase.micro_batch_tokens, num_ranks)
            step += 1
        epoch += 1


def _epoch_batches(
    sequences: Sequence[TokenSequence], phase: PhaseSettings, random: np.random.Generator
) -> list[list[int]]:
    order = [int(index) for index in random.permutation(len(sequences))]
    window = phase.batch_size * phase.length_bucket_batches
    if phase.length_bucket_batches > 1:
        order = [
            index
            for start in range(0, len(order), window)
            for index in sorted(order[start : start + window], key=lambda index: len(sequences[index]))
        ]
    batches = [order[start : start + phase.batch_size] for start in range(0, len(order), phase.batch_size)]
    if phase.length_bucket_batches > 1:
        batches = [batches[index] for index in random.permutation(len(batches))]
    return batches


def _plan_step(
    sequences: Sequence[TokenSequence], batch: Sequence[int], micro_batch_tokens: int | None, num_ranks: int
) -> StepPlan:
    ranks = [_split_by_tokens(sequences, share, micro_batch_tokens) for share in _deal(sequences, batch, num_ranks)]
    most = max(len(micro_batches) for micro_batches in ranks)
    return StepPlan(
        ranks=tuple(tuple(micro_batches + [()] * (most - len(micro_batches))) for micro_batches in ranks),
        loss_tokens=sum(sequences[index].loss_tokens for index in batch),
        tokens=sum(len(sequences[index]) for index in batch),
    )


def _deal(sequences: Sequence[TokenSequence], batch: Sequence[int], num_ranks: int) -> list[list[int]]:
    """Deal by length in alternating order (0, 1, 1, 0, 0, ...), so that all ranks pad and compute about the same."""
    by_length = sorted(batch, key=lambda index: (-len(sequences[index]), index))
    shares: list[list[int]] = [[] for _ in range(num_ranks)]
    for position, index in enumerate(by_length):
        round_number, rank = divmod(position, num_ranks)
        shares[rank if round_number % 2 == 0 else num_ranks - 1 - rank].append(index)
    return shares


def _split_by_tokens(
    sequences: Sequence[TokenSequence], share: Sequence[int], micro_batch_tokens: int | None
) -> list[tuple[int, ...]]:
    """Split a rank's share, sorted from long to short, so that each part fits the budget when padded."""
    if micro_batch_tokens is None:
        return [tuple(share)]
    parts: list[tuple[int, ...]] = []
    start = 0
    while start < len(share):
        fitting = max(1, micro_batch_tokens // len(sequences[share[start]]))
        parts.append(tuple(share[start : start + fitting]))
        start += fitting
    return parts or [()]


def collate(sequences: Sequence[TokenSequence], indexes: Sequence[int], pad_id: int) -> MicroBatch:
    """Pad the sequences at `indexes` on the right to the length of the longest.

    Without indexes, return a single pair of pad tokens without loss: a rank without sequences must still take part in
    the collective operations of a forward and backward pass.
    """
    chosen = [sequences[index] for index in indexes]
    shape = (max(1, len(chosen)), max([len(sequence) for sequence in chosen], default=2))
    input_ids = np.full(shape, pad_id, dtype=np.int64)
    attention_mask = np.zeros(shape, dtype=np.int64)
    labels = np.full(shape, IGNORED, dtype=np.int64)
    attention_mask[0, 0] = 1
    for row, sequence in enumerate(chosen):
        input_ids[row, : len(sequence)] = sequence.ids
        attention_mask[row, : len(sequence)] = 1
        labels[row, : len(sequence)] = np.where(sequence.mask, sequence.ids, IGNORED)
    labels[:, 0] = IGNORED
    return MicroBatch(torch.from_numpy(input_ids), torch.from_numpy(attention_mask), torch.from_numpy(labels))
