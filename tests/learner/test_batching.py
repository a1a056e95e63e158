from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from learner.batching import (
    IGNORED,
    NoTrainingSamplesError,
    StepPlan,
    TokenSequence,
    collate,
    num_steps,
    plan_steps,
    sequence_of,
    training_data,
)
from learner.settings import PhaseSettings
from store.records import Rollout


@pytest.fixture
def sequences(rollouts: Sequence[Rollout]) -> tuple[TokenSequence, ...]:
    return training_data(rollouts, max_sequence_tokens=1024).sequences


def indexes_of(plan: StepPlan) -> list[int]:
    return [index for rank in plan.ranks for micro_batch in rank for index in micro_batch]


def test_labels_are_the_tokens_of_the_policy_at_their_exact_positions() -> None:
    sequence = TokenSequence(np.array([5, 6, 7, 8, 9], np.int32), np.array([False, False, True, False, True]))
    batch = collate([sequence], [0], pad_id=0)
    assert batch.labels.tolist() == [[IGNORED, IGNORED, 7, IGNORED, 9]]
    assert batch.input_ids.tolist() == [[5, 6, 7, 8, 9]]


def test_prompt_and_interpreter_output_carry_no_loss(tokenizer: Any, rollout_of: Callable[..., Rollout]) -> None:
    batch = collate([sequence_of(rollout_of(12, 34))], [0], pad_id=tokenizer.pad_token_id)
    trained = [token for token in batch.labels[0].tolist() if token != IGNORED]
    assert tokenizer.decode(trained) == "```python\nprint(12*34)\n```\\boxed{408}<eos>"


def test_padding_carries_no_loss_and_no_attention(sequences: tuple[TokenSequence, ...]) -> None:
    shortest = min(range(len(sequences)), key=lambda index: len(sequences[index]))
    longest = max(range(len(sequences)), key=lambda index: len(sequences[index]))
    batch = collate(sequences, [shortest, longest], pad_id=0)
    length = len(sequences[shortest])
    assert len(sequences[longest]) > length
    assert batch.attention_mask[0].tolist() == [1] * length + [0] * (len(sequences[longest]) - length)
    assert (batch.labels[0, length:] == IGNORED).all()


def test_a_label_on_the_first_token_is_neither_trained_nor_counted() -> None:
    sequence = TokenSequence(np.array([5, 6, 7], np.int32), np.array([True, True, False]))
    assert sequence.loss_tokens == 1
    assert collate([sequence], [0], pad_id=0).labels.tolist() == [[IGNORED, 6, IGNORED]]


def test_an_epoch_visits_every_sequence_once(sequences: tuple[TokenSequence, ...]) -> None:
    phase = PhaseSettings(epochs=1, batch_size=7, length_bucket_batches=3)
    plans = list(plan_steps(sequences, phase, num_ranks=2, seed=0))
    assert len(plans) == num_steps(len(sequences), phase) == 9
    assert sorted(index for plan in plans for index in indexes_of(plan)) == list(range(len(sequences)))


def test_the_same_seed_gives_the_same_order_and_another_seed_another(sequences: tuple[TokenSequence, ...]) -> None:
    phase = PhaseSettings(steps=20)
    first = list(plan_steps(sequences, phase, num_ranks=1, seed=3))
    assert first == list(plan_steps(sequences, phase, num_ranks=1, seed=3))
    assert first != list(plan_steps(sequences, phase, num_ranks=1, seed=4))
    assert first[:5] != first[5:10], "the second epoch has its own order"


def test_ranks_share_the_same_batches_that_one_rank_takes(sequences: tuple[TokenSequence, ...]) -> None:
    phase = PhaseSettings(epochs=2, batch_size=8)
    for alone, shared in zip(
        plan_steps(sequences, phase, num_ranks=1, seed=0),
        plan_steps(sequences, phase, num_ranks=3, seed=0),
        strict=True,
    ):
        assert sorted(indexes_of(alone)) == sorted(indexes_of(shared))
        assert alone.loss_tokens == shared.loss_tokens


@pytest.mark.parametrize("num_ranks", [1, 2, 3])
def test_all_ranks_have_the_same_number_of_micro_batches_within_the_budget(
    sequences: tuple[TokenSequence, ...], num_ranks: int
) -> None:
    phase = PhaseSettings(epochs=1, batch_size=7, micro_batch_tokens=120)
    for plan in plan_steps(sequences, phase, num_ranks, seed=0):
        assert len({len(micro_batches) for micro_batches in plan.ranks}) == 1
        for micro_batches in plan.ranks:
            for micro_batch in micro_batches:
                padded = len(micro_batch) * max((len(sequences[index]) for index in micro_batch), default=0)
                assert padded <= 120 or len(micro_batch) == 1


def test_a_rank_without_sequences_gets_a_batch_without_loss(sequences: tuple[TokenSequence, ...]) -> None:
    batch = collate(sequences, [], pad_id=0)
    assert batch.input_ids.shape == (1, 2)
    assert (batch.labels == IGNORED).all()


def test_samples_that_are_too_long_or_without_model_tokens_are_skipped_and_counted(
    rollouts: Sequence[Rollout],
) -> None:
    longest = max(len(sequence_of(rollout)) for rollout in rollouts)
    no_model_tokens = replace(rollouts[0], model_mask=(False,) * len(rollouts[0].token_ids))
    data = training_data([*rollouts, no_model_tokens], max_sequence_tokens=longest - 1)
    assert data.too_long > 0
    assert data.without_loss == 1
    assert len(data.sequences) + data.too_long + data.without_loss == len(rollouts) + 1


def test_a_training_set_without_a_usable_sample_is_refused(rollouts: Sequence[Rollout]) -> None:
    with pytest.raises(NoTrainingSamplesError, match="60 samples exceed max_sequence_tokens = 8"):
        training_data(rollouts, max_sequence_tokens=8)
