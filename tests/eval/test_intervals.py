"""Standard errors and intervals of means over problems, against simulated evaluations whose truth is known."""

import tracemalloc

import numpy as np
import pytest

from eval.intervals import bootstrap_interval, mean_figure, standard_error
from eval.metrics import pass_at_k

EVALUATIONS, PROBLEMS, SAMPLES = 300, 200, 8


def simulated() -> np.ndarray:
    """Correct attempts of 8, shape (evaluations, problems); problems differ in difficulty: Beta(0.5, 0.5), mean 0.5."""
    rng = np.random.default_rng(7)
    return rng.binomial(SAMPLES, rng.beta(0.5, 0.5, size=(EVALUATIONS, PROBLEMS)))


def pass_at_1_scores() -> list[np.ndarray]:
    return [pass_at_k(np.full(PROBLEMS, SAMPLES), correct, 1) for correct in simulated()]


def pass_at_8_scores() -> list[np.ndarray]:
    return [pass_at_k(np.full(PROBLEMS, SAMPLES), correct, SAMPLES) for correct in simulated()]


def coverage(scores: list[np.ndarray], truth: float) -> float:
    intervals = [bootstrap_interval(one, 0.0, 1.0) for one in scores]
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def test_intervals_cover_the_truth_of_pass_at_1() -> None:
    assert 0.9 <= coverage(pass_at_1_scores(), 0.5) <= 0.99


def test_intervals_cover_the_truth_of_pass_at_k() -> None:
    rng = np.random.default_rng(8)
    truth = float(np.mean(1 - (1 - rng.beta(0.5, 0.5, size=1_000_000)) ** SAMPLES))
    assert 0.9 <= coverage(pass_at_8_scores(), truth) <= 0.99


def test_the_standard_error_is_the_spread_of_repeated_evaluations() -> None:
    scores = pass_at_1_scores()
    spread = np.std([one.mean() for one in scores])
    assert np.mean([standard_error(one) for one in scores]) == pytest.approx(spread, rel=0.15)


def test_attempts_at_the_same_problem_are_not_counted_as_independent() -> None:
    scores = pass_at_1_scores()[0]
    p = scores.mean()
    over_attempts = np.sqrt(p * (1 - p) / (PROBLEMS * SAMPLES))
    error = standard_error(scores)
    assert error is not None
    assert error > 2 * over_attempts


def test_of_one_attempt_per_problem_the_error_is_that_of_a_proportion() -> None:
    scores = np.array([1.0] * 60 + [0.0] * 40)
    assert standard_error(scores) == pytest.approx(np.sqrt(0.6 * 0.4 / 99))


def test_resampling_problems_themselves_gives_the_same_interval() -> None:
    scores = pass_at_1_scores()[0]
    drawn = np.random.default_rng(1).choice(scores, size=(10_000, PROBLEMS)).mean(axis=1)
    assert bootstrap_interval(scores, 0.0, 1.0) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.005)


def test_the_same_scores_always_get_the_same_interval() -> None:
    scores = pass_at_1_scores()[0]
    assert bootstrap_interval(scores, 0.0, 1.0) == bootstrap_interval(scores[::-1].copy(), 0.0, 1.0)


@pytest.mark.parametrize("n", [1, 10, 400])
def test_equal_scores_get_the_exact_interval_instead_of_none(n: int) -> None:
    """The probability of n failures at the upper end, and of n successes at the lower one, is 5 %."""
    low, high = bootstrap_interval(np.zeros(n), 0.0, 1.0)
    assert low == 0.0
    assert (1 - high) ** n == pytest.approx(0.05)
    low, high = bootstrap_interval(np.ones(n), 0.0, 1.0)
    assert high == 1.0
    assert low**n == pytest.approx(0.05)


def test_a_single_problem_has_no_standard_error() -> None:
    figure = mean_figure(np.array([1.0]), missing=0)
    assert (figure.value, figure.n, figure.standard_error) == (1.0, 1, None)


def test_a_figure_lies_in_its_interval_and_states_what_is_missing() -> None:
    figure = mean_figure(pass_at_1_scores()[0], missing=3)
    assert figure.low is not None
    assert figure.high is not None
    assert 0 < figure.low < figure.value < figure.high < 1
    assert (figure.n, figure.missing) == (PROBLEMS, 3)


def test_many_problems_with_many_distinct_scores_need_little_memory() -> None:
    scores = np.random.default_rng(2).integers(0, 1000, size=10_000) / 999
    tracemalloc.start()
    low, high = bootstrap_interval(scores, 0.0, 1.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert low < scores.mean() < high
    assert peak < 64 << 20
