"""Scheduling rules: the attempts of an iteration. A new rule is a function and a line in `RULES`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from store.database.tables import ProblemRow
from store.errors import StoreError
from store.problems.queries import shuffled
from store.records import Split
from store.runs.scheduling.effort import spread
from store.runs.scheduling.worth import find_best
from store.settings import SchedulingRule


class Request(NamedTuple):
    """An iteration to schedule: `samples` attempts at each of `problems` problems, or as many; `seed` breaks ties."""

    iteration: int
    problems: int
    samples: int
    seed: int


class Choice(NamedTuple):
    """A problem to attempt `samples` times, with its estimated pass rate and weight if the rule estimates them."""

    problem_id: str
    samples: int
    pass_rate: float | None = None
    weight: float | None = None


type Rule = Callable[[Session, Request], Sequence[Choice]]
type _Order = Callable[[int], Sequence[ColumnElement[Any]]]
"""Returns an ORDER BY for a seed."""


def _ordered(order: _Order) -> Rule:
    """The rule that attempts the first problems of an order, all as often."""

    def decide(session: Session, request: Request) -> list[Choice]:
        query = select(ProblemRow.id).where(ProblemRow.split == Split.TRAIN)
        query = query.order_by(*order(request.seed), ProblemRow.id).limit(request.problems)
        return [Choice(problem_id, request.samples) for problem_id in session.scalars(query)]

    return decide


def _by_difficulty(session: Session, request: Request) -> list[Choice]:
    """Attempt the problems where an attempt is worth most, as long as it is: see `worth.py` and `effort.py`."""
    candidates = find_best(session, request.iteration, request.seed, request.problems * request.samples)
    attempts = min(request.problems, len(candidates)) * request.samples
    return [
        Choice(candidate.problem_id, samples, candidate.pass_rate, candidate.weight)
        for candidate, samples in zip(candidates, spread(candidates, attempts, request.samples), strict=True)
        if samples > 0
    ]


RULES: Mapping[SchedulingRule, Rule] = {
    "fewest_attempts_first": _ordered(lambda seed: (ProblemRow.attempts.expression, shuffled(seed))),
    "fewest_accepted_first": _ordered(lambda seed: (ProblemRow.accepted.expression, shuffled(seed))),
    "by_difficulty": _by_difficulty,
    "uniform": _ordered(lambda seed: (shuffled(seed),)),
}
"""The rules by which an iteration selects problems."""


def choose(session: Session, rule: str, request: Request) -> Sequence[Choice]:
    """The problems that a rule attempts in an iteration. Raises `StoreError` if there is no such rule."""
    for name, decide in RULES.items():
        if name == rule:
            return decide(session, request)
    raise StoreError(f"there is no scheduling rule {rule!r}: use one of {', '.join(RULES)}")
