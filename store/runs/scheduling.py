"""Scheduling rules: which training problems an iteration attempts. A new rule is a function and a line in `RULES`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement

from store.database.tables import ProblemRow
from store.errors import StoreError
from store.problems.queries import shuffled
from store.settings import SchedulingRule

type Order = Callable[[int], Sequence[ColumnElement[Any]]]
"""Makes the ORDER BY of a rule from a seed."""

_FLOOR = 0.05
"""The weight of a problem that is always or never solved, where one that is solved half the time has 1."""


def _by_difficulty(seed: int) -> Sequence[ColumnElement[Any]]:
    """Sample problems in proportion to the variance of their outcomes, where there is something to learn.

    The pass rate is Laplace's estimate, so that a problem that was never tried counts as one that is solved half the
    time. Ordering by a random number over the weight is sequential Poisson sampling (Ohlsson 1998).
    """
    pass_rate = (ProblemRow.accepted + 1.0) / (ProblemRow.judged + 2.0)
    weight = _FLOOR + (1 - _FLOOR) * 4 * pass_rate * (1 - pass_rate)
    return (shuffled(seed) / weight,)


RULES: Mapping[SchedulingRule, Order] = {
    "fewest_attempts_first": lambda seed: (ProblemRow.attempts.expression, shuffled(seed)),
    "fewest_accepted_first": lambda seed: (ProblemRow.accepted.expression, shuffled(seed)),
    "by_difficulty": _by_difficulty,
    "uniform": lambda seed: (shuffled(seed),),
}
"""How problems are chosen for an iteration; ties are broken at random by the seed."""


def problem_order(rule: str, seed: int) -> Sequence[ColumnElement[Any]]:
    """The ORDER BY of a rule. Raises `StoreError` if there is no such rule."""
    for name, order in RULES.items():
        if name == rule:
            return order(seed)
    raise StoreError(f"there is no scheduling rule {rule!r}: use one of {', '.join(RULES)}")
