"""The comparison of two policies on the same problems."""

from math import hypot

import numpy as np
import pytest

from eval.comparison import compare_pass_at_1
from eval.metrics import Answers, compute_figures
from store.records import Outcome
from store.runs.evaluations import SampledAnswer

RIGHT = SampledAnswer(Outcome.ACCEPTED, "7")
WRONG = SampledAnswer(Outcome.WRONG, "8")
FAULT = SampledAnswer(Outcome.FAULT, None)
UNVERIFIABLE = SampledAnswer(Outcome.UNVERIFIABLE, "7")


def answers(solved: np.ndarray) -> Answers:
    return {f"p{i}": [RIGHT if one else WRONG] for i, one in enumerate(solved)}


def correlated(seed: int, gain: float) -> tuple[Answers, Answers]:
    """Greedy attempts of two policies at 400 problems, of which the second solves those of the first and some more."""
    draws = np.random.default_rng(seed).random(400)
    return answers(draws < 0.5 + gain), answers(draws < 0.5)


def test_two_policies_are_compared_on_the_problems_that_both_were_measured_on() -> None:
    ours = {"a": [RIGHT], "b": [WRONG], "mine": [RIGHT], "faulty": [RIGHT], "unreadable": [RIGHT]}
    theirs = {"b": [RIGHT], "a": [RIGHT], "theirs": [WRONG], "faulty": [FAULT], "unreadable": [UNVERIFIABLE]}
    found = compare_pass_at_1(ours, theirs)
    assert found is not None
    assert (found.ours, found.theirs, found.difference, found.n) == (0.5, 1.0, -0.5, 2)


def test_without_a_problem_in_common_there_is_no_comparison() -> None:
    assert compare_pass_at_1({"a": [RIGHT]}, {"b": [RIGHT]}) is None
    assert compare_pass_at_1({"a": [RIGHT]}, {"a": [FAULT]}) is None


def test_the_paired_error_is_smaller_than_the_unpaired_one_if_outcomes_are_correlated() -> None:
    ours, theirs = correlated(seed=0, gain=0.05)
    found = compare_pass_at_1(ours, theirs)
    errors = [compute_figures(one, 1).figures["pass@1"].standard_error for one in (ours, theirs)]
    assert found is not None
    assert found.standard_error is not None
    assert errors[0] is not None
    assert errors[1] is not None
    assert found.standard_error < 0.5 * hypot(errors[0], errors[1])
    assert found.low < found.difference < found.high
    assert found.low > 0


def test_the_paired_error_is_the_unpaired_one_if_outcomes_are_independent() -> None:
    rng = np.random.default_rng(3)
    ours, theirs = answers(rng.random(2000) < 0.5), answers(rng.random(2000) < 0.5)
    found = compare_pass_at_1(ours, theirs)
    errors = [compute_figures(one, 1).figures["pass@1"].standard_error for one in (ours, theirs)]
    assert found is not None
    assert found.standard_error == pytest.approx(hypot(*errors), rel=0.05)  # type: ignore[arg-type]


def test_intervals_of_differences_cover_the_truth() -> None:
    found = [compare_pass_at_1(*correlated(seed, gain=0.06)) for seed in range(300)]
    assert 0.9 <= np.mean([one is not None and one.low <= 0.06 <= one.high for one in found]) <= 0.99


def test_policies_that_solve_the_same_problems_may_still_differ_a_little() -> None:
    same = answers(np.arange(400) < 200)
    found = compare_pass_at_1(same, same)
    assert found is not None
    assert (found.difference, found.standard_error) == (0.0, 0.0)
    assert -0.01 < found.low < 0 < found.high < 0.01


def test_a_problem_counts_once_however_many_attempts_it_has() -> None:
    found = compare_pass_at_1({"a": [RIGHT, WRONG], "b": [RIGHT, RIGHT]}, {"a": [WRONG], "b": [RIGHT]})
    assert found is not None
    assert (found.ours, found.theirs, found.difference) == (0.75, 0.5, 0.25)
