"""Scheduling rules: which training problems an iteration attempts. A new rule is a function and a line in `RULES`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, case

from store.database.tables import ProblemRow
from store.errors import StoreError
from store.problems.queries import shuffled
from store.settings import SchedulingRule

type Order = Callable[[int], Sequence[ColumnElement[Any]]]
"""Returns the ORDER BY of a rule for a seed."""

_FLOOR = 0.05
"""The weight of a problem that is always or never solved. One that is solved half the time has weight 1."""

_ENOUGH_FOR_A_VERDICT = 32
"""Attempts after which a problem without a single verdict is expected to get none."""


def _by_difficulty(seed: int) -> Sequence[ColumnElement[Any]]:
    """Sample problems in proportion to the variance of their outcomes, which is where there is something to learn.

    The pass rate is Laplace's estimate, so that a problem without attempts counts as solved half the time. Ordering by
    a random number divided by the weight is sequential Poisson sampling (Ohlsson 1998). A problem whose attempts never
    get a verdict, as its label cannot be read, teaches nothing.
    """
    pass_rate = (ProblemRow.accepted + 1.0) / (ProblemRow.judged + 2.0)
    weight = _FLOOR + (1 - _FLOOR) * 4 * pass_rate * (1 - pass_rate)
    without_verdict = and_(ProblemRow.judged == 0, ProblemRow.attempts >= _ENOUGH_FOR_A_VERDICT)
    return (shuffled(seed) / case((without_verdict, _FLOOR), else_=weight),)


RULES: Mapping[SchedulingRule, Order] = {
    "fewest_attempts_first": lambda seed: (ProblemRow.attempts.expression, shuffled(seed)),
    "fewest_accepted_first": lambda seed: (ProblemRow.accepted.expression, shuffled(seed)),
    "by_difficulty": _by_difficulty,
    "uniform": lambda seed: (shuffled(seed),),
}
"""The rules by which an iteration selects problems; the seed breaks ties at random."""


def problem_order(rule: str, seed: int) -> Sequence[ColumnElement[Any]]:
    """The ORDER BY of a rule. Raises `StoreError` if there is no such rule."""
    for name, order in RULES.items():
        if name == rule:
            return order(seed)
    raise StoreError(f"there is no scheduling rule {rule!r}: use one of {', '.join(RULES)}")
