"""Exact tests and limits of paired differences, against an enumeration of every outcome."""

import itertools
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from eval.paired import Pairs, difference_interval, lower_limit, p_at_most, p_not_better

SMALL = 9


@st.composite
def pairs(draw: st.DrawFn, most: int = SMALL) -> Pairs:
    n = draw(st.integers(1, most))
    gained = draw(st.integers(0, n))
    return Pairs(gained, draw(st.integers(0, n - gained)), n)


def outcomes(n: int) -> list[Pairs]:
    return [Pairs(gained, lost, n) for gained in range(n + 1) for lost in range(n - gained + 1)]


def probability(one: Pairs, gain: float, loss: float) -> float:
    """Of an outcome, by the multinomial formula."""
    ways = comb(one.n, one.gained) * comb(one.n - one.gained, one.lost)
    return ways * gain**one.gained * loss**one.lost * max(1 - gain - loss, 0.0) ** (one.n - one.gained - one.lost)


def possible_rates(difference: float, steps: int) -> list[tuple[float, float]]:
    """Rates of gained and lost problems with a given difference."""
    losses = np.linspace(max(-difference, 0.0), (1 - difference) / 2, steps)
    return [(max(loss + difference, 0.0), loss) for loss in losses]


def likelihood_score(one: Pairs, difference: float) -> float:
    """Tango's score with the most likely rates found by search, not by formula."""
    rates = possible_rates(difference, 4_001)
    gain, loss = np.array(rates).T
    same = np.maximum(1 - gain - loss, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [
            np.where(count > 0, count * np.log(rate), 0.0)
            for count, rate in ((one.gained, gain), (one.lost, loss), (one.n - one.gained - one.lost, same))
        ]
    best = int(np.argmax(sum(terms)))
    variance = one.n * (gain[best] + loss[best] - difference**2)
    return (one.gained - one.lost - one.n * difference) / sqrt(max(variance, 1e-12))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 7))
def test_the_sign_test_counts_the_tosses_of_a_coin(gained: int, lost: int) -> None:
    tossed = gained + lost
    as_good = sum(sum(toss) >= gained for toss in itertools.product((0, 1), repeat=tossed))
    assert p_not_better(Pairs(gained, lost, 50)) == pytest.approx(as_good / 2**tossed)


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_is_the_binomial_test_at_one_half(gained: int, lost: int) -> None:
    assume(gained + lost > 0)
    expected = binomtest(gained, gained + lost, 0.5, alternative="greater").pvalue
    assert p_not_better(Pairs(gained, lost, 1000)) == pytest.approx(expected)


@settings(max_examples=12, deadline=None)
@given(pairs(), st.sampled_from([-0.5, -0.2, -0.05, -0.02, 0.0, 0.1]))
def test_the_test_of_a_margin_is_an_enumeration_of_the_outcomes_that_are_as_extreme(
    one: Pairs, difference: float
) -> None:
    observed = likelihood_score(one, difference)
    extreme = [other for other in outcomes(one.n) if likelihood_score(other, difference) >= observed - 1e-3]
    worst = max(
        sum(probability(other, gain, loss) for other in extreme) for gain, loss in possible_rates(difference, 400)
    )
    assert p_at_most(one, difference) == pytest.approx(worst, abs=0.01)


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 12),
    st.sampled_from([0.01, 0.02, 0.1]),
    st.sampled_from([0.05, 0.2]),
    st.floats(0, 1),
)
def test_a_policy_at_the_margin_passes_no_more_often_than_its_error(
    n: int, margin: float, error: float, where: float
) -> None:
    loss = margin + where * ((1 + margin) / 2 - margin)
    passing = sum(probability(one, loss - margin, loss) for one in outcomes(n) if p_at_most(one, -margin) <= error)
    assert passing <= error * 1.002  # the maximum is over a grid of rates


@settings(max_examples=6, deadline=None)
@given(st.integers(1, 5), st.floats(-0.9, 0.9), st.floats(0, 1))
def test_intervals_cover_the_true_difference(n: int, difference: float, where: float) -> None:
    least, most = max(-difference, 0.0), (1 - difference) / 2
    loss = least + where * (most - least)
    gain = max(loss + difference, 0.0)
    covered = 0.0
    for one in outcomes(n):
        low, high = difference_interval(one, 0.9)
        covered += probability(one, gain, loss) * (low <= difference <= high)
    assert covered >= 0.9 * 0.999


@settings(max_examples=12, deadline=None)
@given(pairs(40))
def test_intervals_contain_the_difference_and_are_mirrored_for_the_other_policy(one: Pairs) -> None:
    low, high = difference_interval(one, 0.95)
    assert -1 <= low <= one.difference <= high <= 1
    assert difference_interval(one.swapped, 0.95) == (-high, -low)


@settings(max_examples=12, deadline=None)
@given(pairs(60), st.sampled_from([0.01, 0.05]), st.sampled_from([0.02, 0.1]))
def test_the_limit_and_the_test_agree(one: Pairs, error: float, margin: float) -> None:
    limit = lower_limit(one, error)
    if p_at_most(one, -margin) <= error:
        assert limit >= -margin - 1e-4
    else:
        assert limit < -margin


def test_policies_that_solve_the_same_problems_are_within_a_point() -> None:
    assert difference_interval(Pairs(0, 0, 400), 0.95) == (-0.0099, 0.0099)
    assert p_not_better(Pairs(0, 0, 400)) == 1.0
    assert p_at_most(Pairs(0, 0, 400), -0.02) < 0.01


def test_many_problems_take_no_time_to_speak_of() -> None:
    low, high = difference_interval(Pairs(2300, 2100, 20_000), 0.95)
    assert (low, high) == pytest.approx((0.01 - 0.0065, 0.01 + 0.0065), abs=5e-4)
