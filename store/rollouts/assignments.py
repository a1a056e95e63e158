"""Assignments: a problem and a number of samples, leased by samplers and complete when all samples are written."""

from collections.abc import Collection, Sequence
from itertools import batched

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retrying
from store.database.tables import AssignmentRow, EvaluationRow, ProblemRow, RolloutRow, table
from store.problems.queries import PROBLEM_COLUMNS
from store.records import Assignment, Problem, Purpose, Sampling


@retrying
class Assignments(StorePart):
    """Leases on assignments: one owner at a time, until the lease expires or every sample is written."""

    def lease(
        self,
        owner: str,
        limit: int,
        ttl_s: float,
        policy_version: int | None = None,
        purpose: Purpose | None = None,
    ) -> list[Assignment]:
        """Lease up to `limit` free assignments to `owner` for `ttl_s` seconds; evaluations first.

        Args:
            owner: a unique name; a restarted sampler must use a new one.
            limit: the maximum number of assignments.
            ttl_s: seconds after which the lease expires unless it is extended.
            policy_version: skip evaluations of other policies.
            purpose: skip work for any other purpose.
        """
        now = self._now()
        ids: list[int] = []
        with self._write() as session:
            for wanted in (Purpose.EVAL, Purpose.TRAIN) if purpose is None else (purpose,):
                ids += session.scalars(_free(wanted, policy_version, limit - len(ids), now)).all()
            if not ids:
                return []
            lease = update(AssignmentRow).where(in_array(AssignmentRow.id, ids))
            lease = lease.values(owner=owner, lease_expires_at=now + ttl_s)
            session.execute(lease, execution_options={"synchronize_session": False})
            return _load(session, ids)

    def extend(self, owner: str, assignment_ids: Collection[int], ttl_s: float) -> int:
        """Extend the given leases that the owner still holds to `ttl_s` seconds from now; returns their number.

        By id, because a lease whose reply was lost must expire: its owner does not know that it holds it.
        """
        extended, expires_at = 0, self._now() + ttl_s
        with self._write() as session:
            for batch in batched(sorted(assignment_ids), BATCH):
                these = in_array(AssignmentRow.id, batch)
                _lock(session, these)
                held = update(AssignmentRow).where(these)
                held = held.where(AssignmentRow.owner == owner, AssignmentRow.completed_at.is_(None))
                held = held.values(lease_expires_at=expires_at)
                extended += len(session.execute(held.returning(AssignmentRow.id)).all())
        return extended

    def release(self, owner: str) -> int:
        """Release all leases of the owner; returns their number."""
        held = and_(AssignmentRow.owner == owner, AssignmentRow.completed_at.is_(None))
        with self._write() as session:
            _lock(session, held)
            released = update(AssignmentRow).where(held).values(owner=None, lease_expires_at=None)
            return len(session.execute(released.returning(AssignmentRow.id)).all())


def assign(
    session: Session,
    ids: Sequence[str],
    purpose: Purpose,
    samples: int,
    sampling: Sampling,
    *,
    iteration: int | None = None,
    evaluation_id: int | None = None,
) -> None:
    """Add an assignment of `samples` attempts for each problem, to an iteration or to an evaluation."""
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


def progress(session: Session, condition: ColumnElement[bool]) -> tuple[int, int]:
    """(done, scheduled) rollouts of the assignments that meet a condition."""
    done, scheduled = session.execute(
        select(func.sum(AssignmentRow.done), func.sum(AssignmentRow.samples)).where(condition)
    ).one()
    return int(done or 0), int(scheduled or 0)


def _lock(session: Session, condition: ColumnElement[bool]) -> None:
    """Lock assignments in the order of their ids, as writers of rollouts do, to avoid deadlocks."""
    session.scalars(select(AssignmentRow.id).where(condition).order_by(AssignmentRow.id).with_for_update()).all()


def _free(purpose: Purpose, policy_version: int | None, limit: int, now: float) -> Select[int]:
    query = (
        select(AssignmentRow.id)
        .where(AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == purpose)
        .where(or_(AssignmentRow.owner.is_(None), AssignmentRow.lease_expires_at <= now))
    )
    if purpose is Purpose.EVAL and policy_version is not None:
        evaluations = select(EvaluationRow.id).where(EvaluationRow.policy_version == policy_version)
        query = query.where(AssignmentRow.evaluation_id.in_(evaluations))
    # PostgreSQL skips rows that another transaction is leasing; SQLite has one writer at a time.
    return query.order_by(AssignmentRow.id).limit(limit).with_for_update(skip_locked=True)


def _load(session: Session, ids: Sequence[int]) -> list[Assignment]:
    done: dict[int, set[int | None]] = {}
    written = select(RolloutRow.assignment_id, RolloutRow.sample_index).where(in_array(RolloutRow.assignment_id, ids))
    for assignment_id, sample_index in session.execute(written):
        done.setdefault(assignment_id or 0, set()).add(sample_index)
    columns = AssignmentRow.id, AssignmentRow.purpose, AssignmentRow.samples
    query = select(*columns, AssignmentRow.temperature, AssignmentRow.top_p, *PROBLEM_COLUMNS)
    query = query.join(ProblemRow, ProblemRow.id == AssignmentRow.problem_id).where(in_array(AssignmentRow.id, ids))
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
