"""Iterations: opened, filled with assignments, closed with their metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.errors import IterationClosedError, IterationUnfinishedError, UnknownRecordError
from store.jsonable import finite_json
from store.models import AssignmentRow, IterationRow
from store.policies import require_policy


@dataclass(frozen=True, slots=True)
class Iteration:
    """One iteration. `done` of its `scheduled` rollouts are in the store; times are Unix seconds."""

    number: int
    policy_version: int
    scheduled: int
    done: int
    opened_at: float
    closed_at: float | None
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)


def open_iteration(session: Session, number: int, policy_version: int, config: Mapping[str, Any], now: float) -> None:
    """Opens it; one that is open already stays as it is, so that a resumed run goes on with it.

    Raises:
        IterationClosedError: it is history.
        UnknownPolicyError: the policy was never published.
    """
    row = session.get(IterationRow, number)
    if row is not None:
        if row.closed_at is not None:
            raise IterationClosedError(f"iteration {number} is closed: go on with the one after the last")
        return
    require_policy(session, policy_version)
    session.add(
        IterationRow(
            number=number, policy_version=policy_version, config=finite_json(config), metrics={}, opened_at=now
        )
    )


def close_iteration(session: Session, number: int, metrics: Mapping[str, Any], now: float) -> None:
    """Closes it with what it came to. Closing it again replaces the metrics.

    Raises:
        IterationUnfinishedError: rollouts that were scheduled are not in the store yet.
    """
    row = require_iteration(session, number)
    open_ones = select(func.count(), func.sum(AssignmentRow.samples - AssignmentRow.done))
    mine = AssignmentRow.iteration == number, AssignmentRow.completed_at.is_(None)
    assignments, missing = session.execute(open_ones.where(*mine)).one()
    if assignments:
        raise IterationUnfinishedError(
            f"iteration {number} lacks {missing} rollouts of {assignments} assignments: wait for them, then close it"
        )
    row.metrics = finite_json(metrics)
    row.closed_at = row.closed_at or now


def require_iteration(session: Session, number: int) -> IterationRow:
    """Raises `UnknownRecordError` where there is none."""
    row = session.get(IterationRow, number)
    if row is None:
        raise UnknownRecordError(f"there is no iteration {number} in the store: open it first")
    return row


def iterations(session: Session) -> list[Iteration]:
    """All, by number."""
    counts = (
        select(
            AssignmentRow.iteration, func.sum(AssignmentRow.samples).label("n"), func.sum(AssignmentRow.done).label("d")
        )
        .where(AssignmentRow.iteration.is_not(None))
        .group_by(AssignmentRow.iteration)
        .subquery()
    )
    query = select(IterationRow, counts.c.n, counts.c.d).outerjoin(counts, counts.c.iteration == IterationRow.number)
    return [
        Iteration(
            row.number, row.policy_version, n or 0, done or 0, row.opened_at, row.closed_at, row.config, row.metrics
        )
        for row, n, done in session.execute(query.order_by(IterationRow.number))
    ]
