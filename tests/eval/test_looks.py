"""Looks at a comparison with more and more problems, which share the probability of error."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.looks import Looks
from eval.paired import Pairs
from eval.promotion_rules import RULES, Verdict


def test_problems_are_doubled_up_to_the_budget() -> None:
    assert Looks.plan(400, 400).sizes == (400,)
    assert Looks.plan(400, 900).sizes == (400, 900)
    assert Looks.plan(500, 1500).sizes == (500, 1000, 1500)
    assert Looks.plan(400, 300).sizes == (300,)
    assert [Looks.plan(400, 900).next(measured) for measured in (0, 400, 900)] == [400, 900, None]


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(1, 20_000), st.floats(0.001, 0.2))
def test_the_errors_of_all_looks_add_up_to_the_total(first: int, budget: int, total: float) -> None:
    looks = Looks.plan(first, budget)
    errors = [looks.error(size, total, is_last=size == looks.sizes[-1]) for size in looks.sizes]
    assert sum(errors) == pytest.approx(total)
    assert all(error > 0 for error in errors)
    assert looks.sizes[-1] <= max(budget, first)


def test_a_look_that_ends_early_has_what_is_left() -> None:
    looks = Looks.plan(400, 1600)
    assert looks.error(400, 0.05, is_last=True) == pytest.approx(0.05)
    assert looks.error(400, 0.05, is_last=False) == pytest.approx(0.05 / 16)
    assert looks.error(600, 0.05, is_last=True) == pytest.approx(0.05 * 15 / 16)
    assert looks.error(600, 0.05, is_last=False) == 0.0


def test_looking_again_does_not_promote_an_equal_policy_more_often_than_the_error() -> None:
    rng = np.random.default_rng(1)
    looks = Looks.plan(100, 400)
    promoted = 0
    for _ in range(2000):
        outcomes = rng.choice([1, -1, 0], size=400, p=[0.15, 0.15, 0.7])
        promoted += any(
            verdict_at(outcomes[:size], looks.error(size, 0.1, is_last=size == 400)) is Verdict.PROMOTE
            for size in looks.sizes
        )
    assert 0.02 < promoted / 2000 < 0.1


def verdict_at(outcomes: np.ndarray, error: float) -> Verdict:
    pairs = Pairs(int((outcomes > 0).sum()), int((outcomes < 0).sum()), len(outcomes))
    return RULES["better"](pairs, 0.0).verdict(error)


def test_rules_differ_in_what_they_ask_for() -> None:
    clearly, slightly, same = Pairs(40, 5, 400), Pairs(12, 8, 400), Pairs(20, 20, 400)
    verdicts = {
        name: [rule(one, 0.02).verdict(0.05) for one in (clearly, slightly, same)] for name, rule in RULES.items()
    }
    promote, undecided = Verdict.PROMOTE, Verdict.UNDECIDED
    assert verdicts == {
        "better": [promote, undecided, undecided],
        "not_worse": [promote, promote, undecided],
        "always": [promote, promote, promote],
    }
    worse = Pairs(5, 60, 400)
    assert [RULES[name](worse, 0.02).verdict(0.05) for name in ("better", "not_worse")] == [Verdict.REJECT] * 2
