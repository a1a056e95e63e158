"""Choosing among attempts, against an enumeration of all subsets."""

import random
from collections.abc import Callable, Sequence
from itertools import combinations

import pytest

from eval.metrics import maj_at_k
from eval.values.picking import METHODS, best_at_k, majority_at_k, random_at_k, weighted_majority_at_k
from store.records import Outcome, ScoredAttempt
from store.runs.evaluations import SampledAnswer

type Choice = Callable[[Sequence[ScoredAttempt]], float]


def attempt(answer: str | None, score: float) -> ScoredAttempt:
    """The right answer is "1"."""
    outcome = Outcome.ACCEPTED if answer == "1" else Outcome.NO_ANSWER if answer is None else Outcome.WRONG
    return ScoredAttempt(outcome, answer, score, 10, 1)


def attempts_of(seed: int, n: int = 7) -> list[ScoredAttempt]:
    rng = random.Random(seed)
    return [attempt(rng.choice(["1", "1", "2", "3", None]), rng.randrange(5) / 4) for _ in range(n)]


def share_right(chosen: Sequence[ScoredAttempt]) -> float:
    return sum(one.answer == "1" for one in chosen) / len(chosen) if chosen else 0.0


def answered(subset: Sequence[ScoredAttempt]) -> list[ScoredAttempt]:
    return [one for one in subset if one.answer is not None]


def any_right(subset: Sequence[ScoredAttempt]) -> float:
    return float(any(one.answer == "1" for one in subset))


def highest(subset: Sequence[ScoredAttempt]) -> float:
    most = max((one.score or 0.0 for one in answered(subset)), default=0.0)
    return share_right([one for one in answered(subset) if one.score == most])


def any_answer(subset: Sequence[ScoredAttempt]) -> float:
    return share_right(answered(subset))


def majority(subset: Sequence[ScoredAttempt]) -> float:
    return maj_at_k([SampledAnswer(one.outcome, one.answer) for one in subset])


def weighted(subset: Sequence[ScoredAttempt]) -> float:
    votes: dict[str, float] = {}
    for one in answered(subset):
        votes[one.answer or ""] = votes.get(one.answer or "", 0.0) + max(one.score or 0.0, 1e-6)
    winners = [answer for answer, count in votes.items() if count >= max(votes.values()) - 1e-9]
    return ("1" in winners) / len(winners) if winners else 0.0


EXPECTED: dict[str, Choice] = {
    "pass": any_right, "best": highest, "weighted": weighted, "maj": majority, "random": any_answer,
}  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_mean_over_all_subsets(method: str, seed: int) -> None:
    attempts = attempts_of(seed)
    for k in range(1, len(attempts) + 1):
        all_subsets = list(combinations(attempts, k))
        expected = sum(EXPECTED[method](subset) for subset in all_subsets) / len(all_subsets)
        assert METHODS[method](attempts, k) == pytest.approx(expected), k


def test_one_attempt_leaves_no_choice() -> None:
    attempts = attempts_of(1)
    for method in METHODS.values():
        assert method(attempts, 1) == pytest.approx(sum(one.answer == "1" for one in attempts) / len(attempts))


def test_attempts_without_an_answer_are_chosen_last() -> None:
    attempts = [attempt(None, 0.9), attempt("1", 0.1)]
    assert [method(attempts, 2) for method in METHODS.values()] == [1.0] * len(METHODS)


def test_without_an_answer_nothing_is_right() -> None:
    assert [method([attempt(None, 0.9)] * 3, 2) for method in METHODS.values()] == [0.0] * len(METHODS)


def test_an_undecided_answer_is_not_correct() -> None:
    attempts = [ScoredAttempt(Outcome.UNDECIDED, "1", 0.9, 10, 1), attempt("1", 0.1)]
    assert best_at_k(attempts, 2) == 0.0


def test_a_value_outvotes_a_majority_of_low_scores() -> None:
    attempts = [attempt("1", 0.9), attempt("2", 0.2), attempt("2", 0.2)]
    assert majority_at_k(attempts, 3) == 0.0
    assert weighted_majority_at_k(attempts, 3) == 1.0


def test_large_numbers_of_subsets_are_sampled() -> None:
    attempts = attempts_of(3, n=20)
    exact = random_at_k(attempts, 10)
    assert majority_at_k(attempts, 10) == majority_at_k(attempts, 10)
    assert 0 <= exact <= 1
