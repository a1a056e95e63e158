"""How attempts are spread over problems."""

from hypothesis import given
from hypothesis import strategies as st

from store.runs.scheduling.effort import MOST, spread
from store.runs.scheduling.worth import Worth

RATES = st.floats(0.001, 0.999)
WORTHS = st.builds(
    Worth, problem_id=st.uuids().map(str), pass_rate=RATES, evidence=st.just(1.0), new_rate=RATES,
    known=st.integers(0, 50), pending=st.integers(0, 50), tokens=st.just(1.0), weight=st.floats(0.1, 1),
    draw=st.floats(0, 0.999),
)  # fmt: skip


def candidate(**fields: float) -> Worth:
    values = {"pass_rate": 0.5, "evidence": 4, "new_rate": 0.5, "known": 0, "pending": 0, "tokens": 1.0, "weight": 0.3}
    return Worth(**{"problem_id": "p", "draw": 0.5} | values | fields)


@given(st.lists(WORTHS, min_size=1, max_size=40), st.integers(1, 8))
def test_all_attempts_are_made_and_none_too_often(candidates: list[Worth], per_problem: int) -> None:
    attempts = len(candidates) * per_problem
    samples = spread(candidates, attempts, per_problem)
    assert sum(samples) == attempts
    assert max(samples) <= MOST * per_problem
    assert samples == spread(candidates, attempts, per_problem)


@given(st.lists(WORTHS, min_size=2, max_size=40), st.integers(1, 8))
def test_a_problem_that_draws_better_gets_no_fewer_attempts(candidates: list[Worth], per_problem: int) -> None:
    first, *others = candidates
    better = first._replace(draw=first.draw / 2, weight=first.weight * 1.5)
    before = spread([first, *others], len(others) * per_problem, per_problem)
    after = spread([better, *others], len(others) * per_problem, per_problem)
    assert after[0] >= before[0]


def test_a_problem_that_is_solved_at_once_gets_fewer_attempts_than_one_that_takes_several():
    easy, hard = candidate(pass_rate=0.95, new_rate=0.05), candidate(pass_rate=0.2, new_rate=0.05)
    few, many = spread([easy, hard], 8, 4)
    assert few < many


def test_a_problem_with_many_ways_gets_more_attempts_than_one_that_repeats_itself():
    varied, repeated = candidate(pass_rate=0.9, new_rate=0.9), candidate(pass_rate=0.9, new_rate=0.05)
    many, few = spread([varied, repeated], 8, 4)
    assert many > few


def test_a_hopeless_problem_that_is_explored_gets_one_attempt():
    hopeless = candidate(pass_rate=0.001, weight=0.1, draw=1e-9)
    assert spread([hopeless, *[candidate()] * 9], 20, 4)[0] == 1
