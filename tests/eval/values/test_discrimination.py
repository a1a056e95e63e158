"""The AUC against its definition by pairs, with ties, and its intervals."""

import random

import pytest

from eval.metrics import NothingMeasuredError
from eval.values.discrimination import auc, auc_within_problems
from eval.values.table import score_table
from store.records import Outcome, ScoredAttempt


def attempt(score: float | None, right: bool, outcome: Outcome | None = None) -> ScoredAttempt:
    return ScoredAttempt(outcome or (Outcome.ACCEPTED if right else Outcome.WRONG), "1", score, 10, 1)


def by_pairs(attempts: list[ScoredAttempt]) -> float:
    right = [one.score or 0.0 for one in attempts if one.outcome is Outcome.ACCEPTED]
    wrong = [one.score or 0.0 for one in attempts if one.outcome is not Outcome.ACCEPTED]
    return sum((a > b) + (a == b) / 2 for a in right for b in wrong) / (len(right) * len(wrong))


def test_it_is_the_share_of_pairs_in_the_right_order_where_ties_count_half() -> None:
    rng = random.Random(0)
    attempts = {f"p{i}": [attempt(rng.randrange(5) / 4, rng.random() < 0.4) for _ in range(6)] for i in range(20)}

    found = auc(score_table(attempts))

    assert found.value == pytest.approx(by_pairs([one for own in attempts.values() for one in own]))
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low < found.value < found.high


def test_scores_that_are_all_the_same_are_chance() -> None:
    assert auc(score_table({"p": [attempt(0.3, True), attempt(0.3, False), attempt(0.3, False)]})).value == 0.5


def test_without_wrong_attempts_there_is_none() -> None:
    found = auc(score_table({"p": [attempt(0.3, True)]}))
    assert (found.value, found.low, found.high, found.attempts, found.right) == (None, None, None, 1, 1)


def test_knowing_only_which_problems_are_hard_is_chance_within_problems() -> None:
    attempts = {
        f"p{i}": [attempt(float(easy), right) for right in ((True, True, False) if easy else (True, False, False))]
        for i, easy in enumerate([True, False] * 10)
    }
    table, within = score_table(attempts), auc_within_problems(score_table(attempts))

    assert within is not None
    assert within.value == 0.5
    assert (auc(table).value or 0) > 0.6


def test_problems_whose_attempts_are_all_the_same_are_missing_within_problems() -> None:
    attempts = {"a": [attempt(0.9, True), attempt(0.1, False)], "b": [attempt(0.9, True)]}
    within = auc_within_problems(score_table(attempts))
    assert within is not None
    assert (within.value, within.n, within.missing) == (1.0, 1, 1)


@pytest.mark.parametrize("outcome", [Outcome.UNDECIDED, Outcome.UNVERIFIABLE, Outcome.FAULT])
def test_an_attempt_without_a_verdict_is_neither_right_nor_wrong(outcome: Outcome) -> None:
    table = score_table({"p": [attempt(0.9, True), attempt(0.5, False, outcome), attempt(None, False)]})
    assert len(table) == 1


def test_without_scores_nothing_is_measured() -> None:
    with pytest.raises(NothingMeasuredError, match="value score"):
        score_table({"p": [attempt(None, True)]})
