"""Assignments: a problem and a number of samples, leased by samplers and complete when all samples are written."""

from collections.abc import Collection, Mapping, Sequence
from itertools import batched

from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retrying
from store.database.tables import AssignmentRow, EvaluationRow, ProblemRow, RolloutRow, table
from store.problems.queries import PROBLEM_COLUMNS
from store.records import Assignment, Lease, PolicyPointer, Problem, Purpose, Sampling
from store.rollouts.work import Caller, LoadablePolicy, choose_policy, divided, fair_shares, free_work


@retrying
class Assignments(StorePart):
    """Leases on assignments: one owner at a time, until the lease expires or every sample is written."""

    def lease(
        self,
        owner: str,
        attempts: int,
        ttl_s: float,
        held: int | None = None,
        purpose: Purpose | None = None,
        pinned: int | None = None,
        swap_wait_s: float = 0.0,
        evaluators: int = 0,
    ) -> Lease:
        """Lease free assignments with up to `attempts` missing attempts to `owner`, and name the policy to load.

        An assignment is leased whole, so the last one may have more. Evaluations come first. Where few attempts are
        left, the active samplers share them: an owner with its part gets none. While the run is paused, nobody does.

        Args:
            owner: the name that leases are held under, unique in the run.
            attempts: how many attempts the owner can begin within the next seconds.
            ttl_s: seconds after which the lease expires unless it is extended.
            held: the policy version that the owner has loaded; None: of any policy (see `store.rollouts.work`).
            purpose: skip work for any other purpose.
            pinned: the only policy version that the owner loads.
            swap_wait_s: seconds after a publication for which an evaluation keeps the owner on the policy before.
            evaluators: how many of the run's samplers are for evaluations alone (see `store.rollouts.work.divided`).
        """
        now = self._now()
        with self._read() as session:  # which locks nothing: idle samplers poll
            caller = divided(session, Caller(owner, held, purpose, pinned), evaluators, now)
            policy = self._pointer(choose_policy(session, caller, now, swap_wait_s))
            shares = fair_shares(session, caller, attempts, now)
        if policy is not None and held not in (None, policy.version):
            shares.pop(Purpose.EVAL, None)  # no evaluation is begun with a policy that is about to be replaced
        if not shares:
            return Lease(policy)
        with self._write() as session:
            ids = _lock_free(session, caller, shares, attempts, now)
            lease = update(AssignmentRow).where(in_array(AssignmentRow.id, ids))
            lease = lease.values(owner=owner, lease_expires_at=now + ttl_s)
            session.execute(lease, execution_options={"synchronize_session": False})
            return Lease(policy, tuple(_load(session, ids)))

    def policy_to_load(
        self, owner: str, purpose: Purpose | None = None, pinned: int | None = None, evaluators: int = 0
    ) -> PolicyPointer | None:
        """The policy that an owner without one should load; None before the first is published."""
        now = self._now()
        with self._read() as session:
            caller = divided(session, Caller(owner, None, purpose, pinned), evaluators, now)
            return self._pointer(choose_policy(session, caller, now, 0.0))

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

    def _pointer(self, policy: LoadablePolicy | None) -> PolicyPointer | None:
        if policy is None:
            return None
        return PolicyPointer(policy.version, self._database.paths.from_stored(policy.path), policy.checksum)


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
    """Lock assignments in the order of their ids, as writers of rollouts do, to avoid deadlocks.

    The lock is the one that an update takes, which lets others write rollouts that refer to the assignment.
    """
    query = select(AssignmentRow.id).where(condition).order_by(AssignmentRow.id)
    session.scalars(query.with_for_update(key_share=True)).all()


def _lock_free(session: Session, caller: Caller, shares: Mapping[Purpose, int], attempts: int, now: float) -> list[int]:
    """Lock free assignments with `attempts` missing attempts, and no more than their share for each purpose."""
    ids: list[int] = []
    for purpose, share in shares.items():
        wanted = min(share, attempts)
        # PostgreSQL skips rows that another transaction is leasing; SQLite has one writer at a time.
        free = free_work(caller, purpose, now).limit(max(wanted, 0)).with_for_update(skip_locked=True, key_share=True)
        for number, missing in session.execute(free).all():
            if wanted <= 0:
                break
            ids.append(number)
            wanted -= missing
            attempts -= missing
    return ids


def _load(session: Session, ids: Sequence[int]) -> list[Assignment]:
    done: dict[int, set[int | None]] = {}
    written = select(RolloutRow.assignment_id, RolloutRow.sample_index).where(in_array(RolloutRow.assignment_id, ids))
    for assignment_id, sample_index in session.execute(written):
        done.setdefault(assignment_id or 0, set()).add(sample_index)
    columns = AssignmentRow.id, AssignmentRow.purpose, AssignmentRow.samples, EvaluationRow.policy_version
    query = select(*columns, AssignmentRow.temperature, AssignmentRow.top_p, *PROBLEM_COLUMNS)
    query = query.join(ProblemRow, ProblemRow.id == AssignmentRow.problem_id).where(in_array(AssignmentRow.id, ids))
    query = query.outerjoin(EvaluationRow, EvaluationRow.id == AssignmentRow.evaluation_id)
    found = {
        number: Assignment(
            id=number,
            problem=Problem(*problem),
            purpose=purpose,
            sampling=Sampling(temperature, top_p),
            pending=tuple(i for i in range(samples) if i not in done.get(number, ())),
            policy_version=policy_version,
        )
        for number, purpose, samples, policy_version, temperature, top_p, *problem in session.execute(query)
    }
    return [found[assignment_id] for assignment_id in ids]
