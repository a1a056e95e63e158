"""The replay: rollouts written once each, and read back as they were."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, case, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH, insert_rows, reserve_ids
from store.database.tables import AssignmentRow, ExecutionRow, ProblemRow, RolloutRow, table
from store.errors import InvalidRolloutError
from store.problems.row_locks import lock_problems
from store.records import Purpose, Rollout, Split, rollout_id
from store.rollouts.pools import Judged, Pools
from store.rollouts.rows import PreparedRollout, restore
from store.rollouts.variants import SolutionKey, find_alike, tell_apart

DEMONSTRATION_PREFIX = "demo-"


class _Assigned(NamedTuple):
    """What a rollout must agree with."""

    id: int
    problem_id: str
    purpose: Purpose
    samples: int
    iteration: int | None
    completed_at: float | None


def add_rollouts(session: Session, prepared: Sequence[PreparedRollout], now: float) -> int:
    """Writes those that are not in the store and counts them for their assignments; returns how many were new.

    Raises:
        InvalidRolloutError: a rollout that contradicts its assignment or its problem.
    """
    # All at once and in one order, so that two writers cannot wait for each other.
    sizes = lock_problems(session, {one.rollout.problem_id for one in prepared})
    assignments = _assignments(session, [one.rollout for one in prepared])
    for one in prepared:
        _check_assignment(one.rollout, assignments)
    _check_demonstrations(session, [one.rollout for one in prepared if one.rollout.assignment_id is None])
    # What a complete assignment lacks was written once and thinned since.
    complete = {one.id for one in assignments.values() if one.completed_at is not None}
    fresh = _fresh(session, [one for one in prepared if one.rollout.assignment_id not in complete])
    solutions = [(one.rollout.problem_id, one.solution) for one in fresh]
    alike = find_alike(session, solutions)
    keyed = list(zip(fresh, tell_apart(session, solutions, alike), strict=True))
    pools = Pools(sizes, alike)
    for batch in batched(keyed, BATCH):
        _insert(session, batch, pools, assignments, now)
    pools.save_counts(session)
    _count_done(session, Counter(i for i in (one.rollout.assignment_id for one in fresh) if i is not None), now)
    return len(fresh)


def read_rollouts(
    session: Session, where: Sequence[ColumnElement[bool]], limit: int | None = None, *, newest_first: bool = False
) -> Iterator[Rollout]:
    """Streams the rollouts that meet all conditions, whole, in the order in which they were written."""
    order = RolloutRow.seq.desc() if newest_first else RolloutRow.seq.asc()
    query = select(RolloutRow).where(*where).order_by(order).limit(limit).execution_options(yield_per=BATCH)
    for rows in session.scalars(query).partitions(BATCH):
        yield from to_rollouts(session, rows)


def to_rollouts(session: Session, rows: Sequence[RolloutRow]) -> list[Rollout]:
    """The records of rows, executions included."""
    executions: dict[int, list[tuple[str, float, bytes]]] = {}
    query = select(ExecutionRow.rollout_seq, ExecutionRow.status, ExecutionRow.seconds, ExecutionRow.body)
    query = query.where(in_array(ExecutionRow.rollout_seq, [row.seq for row in rows]))
    for seq, status, seconds, body in session.execute(query.order_by(ExecutionRow.rollout_seq, ExecutionRow.position)):
        executions.setdefault(seq, []).append((status, seconds, body))
    return [restore(row, executions.get(row.seq, ())) for row in rows]


def _fresh(session: Session, prepared: Sequence[PreparedRollout]) -> list[PreparedRollout]:
    """Those that are not in the store, each once. Nobody else can add one: the transaction holds their problems."""
    first = {one.rollout.id: one for one in reversed(prepared)}
    for batch in batched(list(first), BATCH):
        for written in session.scalars(select(RolloutRow.id).where(in_array(RolloutRow.id, batch))):
            del first[written]
    return sorted(first.values(), key=lambda one: one.rollout.id)


def _insert(
    session: Session,
    batch: Sequence[tuple[PreparedRollout, SolutionKey]],
    pools: Pools,
    assignments: dict[int, _Assigned],
    now: float,
) -> None:
    rows: list[dict[str, Any]] = []
    executions: list[dict[str, Any]] = []
    for seq, (one, key) in zip(reserve_ids(session, table(RolloutRow), len(batch)), batch, strict=True):
        pool, place = pools.place(Judged(one.rollout.problem_id, one.rollout.purpose, one.rollout.outcome, key))
        assignment = assignments.get(one.rollout.assignment_id or 0)
        rows.append(
            {
                **one.columns,
                "seq": seq,
                "variant": key.variant,
                "sample_index": _sample_index(one.rollout) if assignment else None,
                "iteration": assignment.iteration if assignment else None,
                "pool": pool and pool.value,
                "place": place,
                "created_at": now,
            }
        )
        executions += [{"rollout_seq": seq, **execution} for execution in one.executions]
    insert_rows(session, table(RolloutRow), rows)
    insert_rows(session, table(ExecutionRow), executions)


def _assignments(session: Session, rollouts: Sequence[Rollout]) -> dict[int, _Assigned]:
    ids = {rollout.assignment_id for rollout in rollouts if rollout.assignment_id is not None}
    columns = [getattr(AssignmentRow, name) for name in _Assigned._fields]
    found: dict[int, _Assigned] = {}
    for batch in batched(sorted(ids), BATCH):
        rows = session.execute(select(*columns).where(in_array(AssignmentRow.id, batch)))
        found |= {row[0]: _Assigned(*row) for row in rows}
    return found


def _check_assignment(rollout: Rollout, assignments: dict[int, _Assigned]) -> None:
    if rollout.assignment_id is None:
        if rollout.purpose is not Purpose.DEMONSTRATION or not rollout.id.startswith(DEMONSTRATION_PREFIX):
            raise InvalidRolloutError(
                f"rollout {rollout.id}: without an assignment it must be a demonstration with an id of "
                f"{DEMONSTRATION_PREFIX} and a hash"
            )
        return
    row = assignments.get(rollout.assignment_id)
    if row is None:
        raise InvalidRolloutError(f"rollout {rollout.id}: there is no assignment {rollout.assignment_id} in the store")
    if _sample_index(rollout) not in range(row.samples):
        last = rollout_id(row.id, row.samples - 1)
        raise InvalidRolloutError(f"rollout {rollout.id}: the ids of assignment {row.id} end with {last}")
    if (rollout.problem_id, rollout.purpose) != (row.problem_id, row.purpose):
        raise InvalidRolloutError(
            f"rollout {rollout.id}: assignment {row.id} is for problem {row.problem_id!r} and purpose {row.purpose}, "
            f"the rollout says {rollout.problem_id!r} and {rollout.purpose}"
        )


def _check_demonstrations(session: Session, demonstrations: Sequence[Rollout]) -> None:
    ids = {rollout.problem_id for rollout in demonstrations}
    splits: dict[str, Split] = {}
    for batch in batched(sorted(ids), BATCH):
        query = select(ProblemRow.id, ProblemRow.split).where(in_array(ProblemRow.id, batch))
        splits.update(session.execute(query).all())
    for rollout in demonstrations:
        match splits.get(rollout.problem_id):
            case None:
                raise InvalidRolloutError(
                    f"rollout {rollout.id}: there is no problem {rollout.problem_id!r} in the store"
                )
            case Split.HELDOUT:
                raise InvalidRolloutError(
                    f"rollout {rollout.id}: problem {rollout.problem_id!r} is held out and takes no demonstrations"
                )


def _sample_index(rollout: Rollout) -> int:
    prefix, _, index = rollout.id.rpartition("-")
    return int(index) if prefix == str(rollout.assignment_id) and index.isdecimal() else -1


def _count_done(session: Session, counts: Counter[int], now: float) -> None:
    if not counts:
        return
    rows = table(AssignmentRow)
    done = rows.c.done + bindparam("more")
    complete = done >= rows.c.samples
    statement = (
        update(rows)
        .where(rows.c.id == bindparam("assignment"))
        .values(
            done=done,
            completed_at=case((complete, bindparam("now")), else_=None),
            owner=case((complete, None), else_=rows.c.owner),
        )
    )
    session.execute(statement, [{"assignment": i, "more": more, "now": now} for i, more in sorted(counts.items())])
