"""Which solutions a value model is trained on, towards which outcomes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from learner.batching import IGNORED, NoTrainingSamplesError
from learner.value.batches import collate_values
from learner.value.samples import ValueSequence, is_validation, outcome_of, value_data
from learner.value.settings import CONTROL_HEADS, ValueSettings
from store.records import Outcome, Rollout

ALL = ValueSettings(validation_share=0.0)


def sequences(rollouts: Sequence[Rollout], settings: ValueSettings = ALL, most: int = 1000) -> list[ValueSequence]:
    return [one for one in value_data(rollouts, settings, most).sequences if isinstance(one, ValueSequence)]


@pytest.mark.parametrize("outcome", [Outcome.UNDECIDED, Outcome.UNVERIFIABLE, Outcome.FAULT])
def test_a_solution_without_a_verdict_is_never_a_zero(judged: list[Rollout], outcome: Outcome) -> None:
    without = replace(judged[1], outcome=outcome)
    assert outcome_of(without) is None
    assert len(sequences([*judged[:2], without])) == 2


@pytest.mark.parametrize("outcome", [Outcome.WRONG, Outcome.NO_ANSWER, Outcome.TRUNCATED, Outcome.UNPARSABLE])
def test_rejected_solutions_are_zeros(judged: list[Rollout], outcome: Outcome) -> None:
    assert [one.outcomes for one in sequences([judged[0], replace(judged[1], outcome=outcome)])] == [(1.0,), (0.0,)]


def test_the_loss_is_on_the_tokens_of_the_policy(judged: list[Rollout]) -> None:
    (right, _), rollout = sequences(judged[:2]), judged[0]
    assert tuple(right.ids) == rollout.prompt_ids + rollout.token_ids
    assert tuple(right.mask) == (False,) * len(rollout.prompt_ids) + rollout.model_mask


def test_the_output_of_the_interpreter_can_be_included(judged: list[Rollout]) -> None:
    right, _ = sequences(judged[:2], ALL.model_copy(update={"interpreter_tokens": True}))
    assert right.mask.sum() == len(judged[0].token_ids)
    assert tuple(right.speaks[len(judged[0].prompt_ids) :]) == judged[0].model_mask


def test_only_right_solutions_have_a_language_loss(judged: list[Rollout]) -> None:
    right, wrong = sequences(judged[:2])
    assert right.speaks.any()
    assert not wrong.speaks.any()


def test_validation_problems_are_left_out_with_all_their_solutions(judged: list[Rollout]) -> None:
    kept = sequences(judged, ValueSettings(validation_share=0.3))
    expected = [one for one in judged if not is_validation(one.problem_id, 0.3)]
    assert 0 < len(expected) < len(judged)
    assert [tuple(one.ids) for one in kept] == [one.prompt_ids + one.token_ids for one in expected]


def test_the_share_of_validation_problems_is_as_set() -> None:
    chosen = sum(is_validation(f"problem-{number}", 0.2) for number in range(5000))
    assert chosen / 5000 == pytest.approx(0.2, abs=0.02)
    assert not any(is_validation(f"problem-{number}", 0.0) for number in range(100))


def test_the_control_has_as_many_right_solutions_in_another_order(judged: list[Rollout]) -> None:
    shuffled = sequences(judged, ALL.model_copy(update={"shuffle_labels": True}))
    heads = np.array([one.outcomes for one in shuffled]).T
    true = [one.outcomes[0] for one in sequences(judged)]
    assert len({tuple(head) for head in heads}) == CONTROL_HEADS
    for head in heads:
        assert sum(head) == sum(true)
    assert abs(np.mean([np.corrcoef(head, true)[0, 1] for head in heads])) < 0.1
    assert sequences(judged, ALL.model_copy(update={"shuffle_labels": True}))[5].outcomes == shuffled[5].outcomes


def test_solutions_that_are_too_long_are_counted(judged: list[Rollout]) -> None:
    longest = max(len(one.prompt_ids) + len(one.token_ids) for one in judged)
    data = value_data(judged, ALL, longest - 1)
    assert data.too_long > 0
    assert data.too_long + len(data.sequences) == len(judged)


def test_solutions_of_one_outcome_alone_are_refused(judged: list[Rollout]) -> None:
    with pytest.raises(NoTrainingSamplesError, match="60 right and 0 wrong"):
        sequences([one for one in judged if one.outcome is Outcome.ACCEPTED])


def test_a_batch_has_the_outcomes_of_its_rows(judged: list[Rollout]) -> None:
    batch = collate_values(sequences(judged[:4]), [1, 2], pad_id=0)
    assert batch.outcomes.tolist() == [[0.0], [1.0]]
    assert (batch.spoken[0] == IGNORED).all()
    spoken = batch.spoken[1] != IGNORED
    assert (batch.spoken[1][spoken] == batch.input_ids[1][spoken]).all()
    assert spoken.sum() == sum(judged[2].model_mask)


def test_a_rank_without_solutions_gets_a_batch_without_loss(judged: list[Rollout]) -> None:
    batch = collate_values(sequences(judged[:2]), [], pad_id=0)
    assert (batch.labels == IGNORED).all()
    assert batch.outcomes.shape == (1, 1)
