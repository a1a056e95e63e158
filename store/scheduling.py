"""Assignments: scheduled by the driver, leased by samplers, done when every sample is in the store."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from store.among import among
from store.errors import NothingToScheduleError, StoreError
from store.iterations import require_iteration
from store.models import AssignmentRow, EvaluationRow, ProblemRow, RolloutRow, table
from store.problems import BATCH, PROBLEM_COLUMNS, shuffled
from store.records import Assignment, Problem, Purpose, Sampling, Split
from store.settings import SchedulingRule

type Order = Callable[[int], Sequence[ColumnElement[Any]]]
"""Makes the ORDER BY of a rule out of a seed."""

_FLOOR = 0.05
"""The effort that a problem gets which is always or never solved, where one that is solved half the time gets 1."""


def _by_difficulty(seed: int) -> Sequence[ColumnElement[Any]]:
    """Draws problems in proportion to the variance of their outcomes, where there is something to learn.

    The pass rate is Laplace's estimate, so that a problem that was never tried counts as one that is solved half the
    time. A random number over the weight, the smallest first, is sequential Poisson sampling (Ohlsson 1998).
    """
    pass_rate = (ProblemRow.accepted + 1.0) / (ProblemRow.judged + 2.0)
    effort = _FLOOR + (1 - _FLOOR) * 4 * pass_rate * (1 - pass_rate)
    return (shuffled(seed) / effort,)


RULES: Mapping[SchedulingRule, Order] = {
    "fewest_attempts_first": lambda seed: (ProblemRow.attempts.expression, shuffled(seed)),
    "fewest_accepted_first": lambda seed: (ProblemRow.accepted.expression, shuffled(seed)),
    "by_difficulty": _by_difficulty,
    "uniform": lambda seed: (shuffled(seed),),
}
"""How problems are chosen for an iteration; ties are broken at random by the seed."""


def schedule_training(
    session: Session, iteration: int, problems: int, samples: int, sampling: Sampling, rule: str, seed: int
) -> int:
    """Gives the iteration its assignments and returns its number of rollouts. One that has them keeps them.

    Raises:
        NothingToScheduleError: there are no training problems.
        StoreError: there is no such rule.
    """
    order = _order(rule)(seed)
    require_iteration(session, iteration)
    mine = AssignmentRow.iteration == iteration
    scheduled = session.scalar(select(func.sum(AssignmentRow.samples)).where(mine))
    if scheduled:
        return scheduled
    chosen = select(ProblemRow.id).where(ProblemRow.split == Split.TRAIN)
    chosen = chosen.order_by(*order, ProblemRow.id).limit(problems)
    ids = session.scalars(chosen).all()
    if not ids:
        raise NothingToScheduleError("there are no training problems in the store: import some first")
    _assign(session, ids, Purpose.TRAIN, samples, sampling, iteration=iteration)
    attempted = ProblemRow.id.in_(select(AssignmentRow.problem_id).where(mine))
    session.execute(
        update(ProblemRow).where(attempted).values(attempts=ProblemRow.attempts + samples),
        execution_options={"synchronize_session": False},
    )
    return len(ids) * samples


def schedule_evaluation(session: Session, row: EvaluationRow, problem_ids: Sequence[str], sampling: Sampling) -> None:
    """Gives a new evaluation an assignment for each problem."""
    _assign(session, problem_ids, Purpose.EVAL, row.samples, sampling, evaluation_id=row.id)


def lease(
    session: Session,
    owner: str,
    limit: int,
    ttl_s: float,
    policy_version: int | None,
    now: float,
    purpose: Purpose | None = None,
) -> list[Assignment]:
    """Up to `limit` assignments that nobody holds, evaluations first; other owners do not get them for `ttl_s` seconds.

    With `policy_version`, evaluations of other versions are left alone; with `purpose`, all work for another one.
    """
    ids: list[int] = []
    for wanted in (Purpose.EVAL, Purpose.TRAIN) if purpose is None else (purpose,):
        ids += session.scalars(_free(wanted, policy_version, limit - len(ids), now)).all()
    if not ids:
        return []
    session.execute(
        update(AssignmentRow).where(among(AssignmentRow.id, ids)).values(owner=owner, lease_expires_at=now + ttl_s),
        execution_options={"synchronize_session": False},
    )
    return _load(session, ids)


def extend_leases(session: Session, owner: str, assignment_ids: Collection[int], ttl_s: float, now: float) -> int:
    """Holds those of these that the owner still has for another `ttl_s` seconds; returns their number."""
    extended = 0
    for batch in batched(sorted(assignment_ids), BATCH):
        these = among(AssignmentRow.id, batch)
        _hold(session, these)
        held = update(AssignmentRow).where(these)
        held = held.where(AssignmentRow.owner == owner, AssignmentRow.completed_at.is_(None))
        rows = session.execute(held.values(lease_expires_at=now + ttl_s).returning(AssignmentRow.id))
        extended += len(rows.all())
    return extended


def release_leases(session: Session, owner: str) -> int:
    """Gives back all that the owner holds; returns their number."""
    mine = and_(AssignmentRow.owner == owner, AssignmentRow.completed_at.is_(None))
    _hold(session, mine)
    held = update(AssignmentRow).where(mine)
    rows = session.execute(held.values(owner=None, lease_expires_at=None).returning(AssignmentRow.id))
    return len(rows.all())


def progress(session: Session, mine: ColumnElement[bool]) -> tuple[int, int]:
    """(done, scheduled) rollouts of the assignments that meet a condition."""
    done, scheduled = session.execute(
        select(func.sum(AssignmentRow.done), func.sum(AssignmentRow.samples)).where(mine)
    ).one()
    return int(done or 0), int(scheduled or 0)


def _hold(session: Session, mine: ColumnElement[bool]) -> None:
    """Locks assignments by id, as whoever counts what was written does: in orders of their own two would wait for each
    other.
    """
    session.scalars(select(AssignmentRow.id).where(mine).order_by(AssignmentRow.id).with_for_update()).all()


def _order(rule: str) -> Order:
    for name, order in RULES.items():
        if name == rule:
            return order
    raise StoreError(f"there is no scheduling rule {rule!r}: use one of {', '.join(RULES)}")


def _assign(
    session: Session,
    ids: Sequence[str],
    purpose: Purpose,
    samples: int,
    sampling: Sampling,
    *,
    iteration: int | None = None,
    evaluation_id: int | None = None,
) -> None:
    for batch in batched(ids, BATCH):
        rows = [
            {
                "purpose": purpose,
                "iteration": iteration,
                "evaluation_id": evaluation_id,
                "problem_id": problem_id,
                "samples": samples,
                "done": 0,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
            }
            for problem_id in batch
        ]
        session.execute(insert(table(AssignmentRow)), rows)


def _free(purpose: Purpose, policy_version: int | None, limit: int, now: float) -> Select[int]:
    query = (
        select(AssignmentRow.id)
        .where(AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == purpose)
        .where(or_(AssignmentRow.owner.is_(None), AssignmentRow.lease_expires_at <= now))
    )
    if purpose is Purpose.EVAL and policy_version is not None:
        mine = select(EvaluationRow.id).where(EvaluationRow.policy_version == policy_version)
        query = query.where(AssignmentRow.evaluation_id.in_(mine))
    # PostgreSQL passes over rows that another is leasing at this moment; SQLite has one writer at a time.
    return query.order_by(AssignmentRow.id).limit(limit).with_for_update(skip_locked=True)


def _load(session: Session, ids: Sequence[int]) -> list[Assignment]:
    done: dict[int, set[int | None]] = {}
    written = select(RolloutRow.assignment_id, RolloutRow.sample_index).where(among(RolloutRow.assignment_id, ids))
    for assignment_id, sample_index in session.execute(written):
        done.setdefault(assignment_id or 0, set()).add(sample_index)
    columns = AssignmentRow.id, AssignmentRow.purpose, AssignmentRow.samples
    query = select(*columns, AssignmentRow.temperature, AssignmentRow.top_p, *PROBLEM_COLUMNS)
    query = query.join(ProblemRow, ProblemRow.id == AssignmentRow.problem_id).where(among(AssignmentRow.id, ids))
    found = {
        number: Assignment(
            id=number,
            problem=Problem(*problem),
            purpose=purpose,
            sampling=Sampling(temperature, top_p),
            pending=tuple(i for i in range(samples) if i not in done.get(number, ())),
        )
        for number, purpose, samples, temperature, top_p, *problem in session.execute(query)
    }
    return [found[assignment_id] for assignment_id in ids]
