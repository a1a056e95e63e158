"""The store's iterations: opened, filled with assignments by a scheduling rule, closed with their metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from store.database.database import StorePart
from store.database.json_columns import finite_json
from store.database.retry import retrying
from store.database.tables import AssignmentRow, ExecutionRow, IterationRow, ProblemRow, RolloutRow
from store.errors import (
    IterationClosedError,
    NothingToScheduleError,
    UnknownRecordError,
)
from store.problems.row_locks import lock_problems
from store.records import Outcome, Purpose, Sampling, Split
from store.rollouts.assignments import assign, progress
from store.runs.policies import require_policy
from store.runs.scheduling import problem_order


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


@dataclass(frozen=True, slots=True)
class IterationState:
    """What the loop needs to know of an iteration: how many of its `scheduled` rollouts are `missing` in the store.

    The scheduled ones of a closed iteration are not counted, and are 0.
    """

    number: int
    policy_version: int
    scheduled: int
    missing: int
    is_closed: bool


@retrying
class Iterations(StorePart):
    """The iterations of a run, numbered from 1, with the training assignments of each."""

    def open(self, number: int, policy_version: int, config: Mapping[str, Any] | None = None) -> None:
        """Open an iteration; one that is open already stays as it is, so that a resumed run continues it.

        Raises:
            IterationClosedError: it is closed.
            UnknownPolicyError: the policy was never published.
        """
        with self._write() as session:
            row = session.get(IterationRow, number)
            if row is None:
                require_policy(session, policy_version)
                row = IterationRow(number=number, policy_version=policy_version, config=finite_json(config or {}))
                row.metrics, row.opened_at = {}, self._now()
                session.add(row)
            elif row.closed_at is not None:
                raise IterationClosedError(f"iteration {number} is closed: continue with the one after the last")

    def schedule(
        self,
        number: int,
        problems: int,
        samples: int,
        sampling: Sampling,
        rule: str = "fewest_attempts_first",
        seed: int = 0,
    ) -> int:
        """Schedule `samples` attempts at each of `problems` training problems, or at all of them if there are fewer.

        An iteration that is scheduled already keeps its assignments. `rule` is a key of `store.runs.scheduling.RULES`.

        Returns:
            The number of rollouts of the iteration.

        Raises:
            UnknownRecordError: the iteration was never opened.
            NothingToScheduleError: there are no training problems.
            StoreError: there is no such rule.
        """
        order = problem_order(rule, seed)
        with self._write() as session:
            _require_iteration(session, number)
            of_iteration = AssignmentRow.iteration == number
            scheduled = session.scalar(select(func.sum(AssignmentRow.samples)).where(of_iteration))
            if scheduled:
                return scheduled
            chosen = select(ProblemRow.id).where(ProblemRow.split == Split.TRAIN)
            ids = session.scalars(chosen.order_by(*order, ProblemRow.id).limit(problems)).all()
            if not ids:
                raise NothingToScheduleError("there are no training problems in the store: import some first")
            lock_problems(session, ids)  # as writers of rollouts do, to avoid deadlocks
            assign(session, ids, Purpose.TRAIN, samples, sampling, iteration=number)
            attempted = ProblemRow.id.in_(select(AssignmentRow.problem_id).where(of_iteration))
            count = update(ProblemRow).where(attempted).values(attempts=ProblemRow.attempts + samples)
            session.execute(count, execution_options={"synchronize_session": False})
            return len(ids) * samples

    def progress(self, number: int) -> tuple[int, int]:
        """(done, scheduled) rollouts of an iteration."""
        with self._read() as session:
            return progress(session, AssignmentRow.iteration == number)

    def close(self, number: int, metrics: Mapping[str, Any]) -> None:
        """Close an iteration with its metrics; closing it again replaces them.

        Rollouts beyond its quorum may still be missing: samplers go on with them.

        Raises:
            UnknownRecordError: the iteration was never opened.
        """
        with self._write() as session:
            row = _require_iteration(session, number)
            row.metrics = finite_json(metrics)
            row.closed_at = row.closed_at or self._now()

    def brief(self) -> list[IterationState]:
        """The state of each iteration, by number. Only open assignments are counted, however many there were."""
        open_ones = AssignmentRow.completed_at.is_(None)
        missing = select(AssignmentRow.iteration, func.sum(AssignmentRow.samples - AssignmentRow.done))
        missing = missing.where(open_ones, AssignmentRow.purpose == Purpose.TRAIN).group_by(AssignmentRow.iteration)
        columns = IterationRow.number, IterationRow.policy_version, IterationRow.closed_at
        with self._read() as session:
            left = dict(session.execute(missing).all())
            rows = session.execute(select(*columns).order_by(IterationRow.number)).all()
            return [
                IterationState(
                    number,
                    policy_version,
                    scheduled=0 if closed_at is not None else _scheduled(session, number),
                    missing=int(left.get(number, 0)),
                    is_closed=closed_at is not None,
                )
                for number, policy_version, closed_at in rows
            ]

    def all(self) -> list[Iteration]:
        """All iterations, by number, with their progress."""
        with self._read() as session:
            return read_iterations(session)

    def outcomes(self, number: int | None = None) -> dict[int, dict[str, int]]:
        """Counts of training rollouts by iteration (only `number`, if given) and outcome. Zeros are absent."""
        wanted = RolloutRow.iteration.is_not(None) if number is None else RolloutRow.iteration == number
        groups = select(RolloutRow.iteration, RolloutRow.outcome, func.count()).where(wanted)
        counts: dict[int, dict[str, int]] = {}
        with self._read() as session:
            for iteration, outcome, count in session.execute(groups.group_by(RolloutRow.iteration, RolloutRow.outcome)):
                assert iteration is not None
                counts.setdefault(iteration, {})[outcome.value] = count
        return counts

    def faults(self, number: int) -> dict[str, int]:
        """Counts of an iteration's training rollouts with the outcome `fault`, by kind. Zeros are absent."""
        with self._read() as session:
            return count_faults(session, RolloutRow.iteration == number)

    def support(self, number: int) -> dict[str, int]:
        """Counts of the accepted training rollouts of an iteration by support, zeros absent; only an index is read."""
        judged = RolloutRow.iteration == number, RolloutRow.iteration.is_not(None), RolloutRow.support.is_not(None)
        groups = select(RolloutRow.support, func.count()).where(*judged).group_by(RolloutRow.support)
        with self._read() as session:
            return {support.value: count for support, count in session.execute(groups) if support is not None}

    def blocks_run(self, number: int) -> int:
        """The number of code blocks that the training rollouts of an iteration ran."""
        query = select(func.count()).select_from(ExecutionRow)
        query = query.join(RolloutRow, RolloutRow.seq == ExecutionRow.rollout_seq).where(RolloutRow.iteration == number)
        with self._read() as session:
            return session.scalar(query) or 0


def count_faults(session: Session, condition: ColumnElement[bool]) -> dict[str, int]:
    """Counts by kind of the rollouts with the outcome `fault` that meet a condition; `unknown` for those of before."""
    groups = select(RolloutRow.fault, func.count()).where(RolloutRow.outcome == Outcome.FAULT, condition)
    return {
        kind.value if kind else "unknown": count for kind, count in session.execute(groups.group_by(RolloutRow.fault))
    }


def read_iterations(session: Session) -> list[Iteration]:
    """All iterations, by number."""
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


def _require_iteration(session: Session, number: int) -> IterationRow:
    row = session.get(IterationRow, number)
    if row is None:
        raise UnknownRecordError(f"there is no iteration {number} in the store: open it first")
    return row


def _scheduled(session: Session, number: int) -> int:
    return session.scalar(select(func.sum(AssignmentRow.samples)).where(AssignmentRow.iteration == number)) or 0
