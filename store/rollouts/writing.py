"""Writing rollouts: validated against their assignments, deduplicated, placed in pools, and counted, each once."""

from collections import Counter
from collections.abc import Sequence
from itertools import batched
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH, insert_rows, reserve_ids
from store.database.tables import AssignmentRow, ExecutionRow, PolicyRow, ProblemRow, RolloutRow, table
from store.errors import InvalidRolloutError
from store.problems.row_locks import lock_problems
from store.records import Purpose, Rollout, Split, rollout_id
from store.rollouts.engine_builds import number_builds
from store.rollouts.excluded import find_excluded
from store.rollouts.pools import PoolCandidate, Pools
from store.rollouts.row_mapping import PreparedRollout
from store.rollouts.variants import SolutionKey, assign_variants, find_duplicate_candidates

DEMONSTRATION_PREFIX = "demo-"


class _Assignment(NamedTuple):
    """The columns of an assignment that its rollouts must agree with."""

    id: int
    problem_id: str
    purpose: Purpose
    samples: int
    iteration: int | None
    completed_at: float | None


class _Origins(NamedTuple):
    """What rollouts came from: iterations of policies by version, numbers of engine builds."""

    iterations: dict[int, int]
    builds: dict[str, int]


def add_rollouts(session: Session, prepared: Sequence[PreparedRollout], now: float) -> int:
    """Write the rollouts that are not in the store yet and count them for their assignments; returns how many were new.

    Raises:
        InvalidRolloutError: a rollout contradicts its assignment or its problem.
    """
    # All at once and in a fixed order, so that two writers cannot deadlock.
    sizes = lock_problems(session, {item.rollout.problem_id for item in prepared})
    assignments = _load_assignments(session, [item.rollout for item in prepared])
    for item in prepared:
        _check_assignment(item.rollout, assignments)
    _check_demonstrations(session, [item.rollout for item in prepared if item.rollout.assignment_id is None])
    # A rollout that a complete assignment lacks was written before and has been pruned.
    complete = {assignment.id for assignment in assignments.values() if assignment.completed_at is not None}
    new = _drop_written(session, [item for item in prepared if item.rollout.assignment_id not in complete])
    solutions = [(item.rollout.problem_id, item.solution) for item in new]
    candidates = find_duplicate_candidates(session, solutions)
    keyed = list(zip(new, assign_variants(session, solutions, candidates), strict=True))
    pools = Pools(sizes, candidates, find_excluded(session, {problem_id for problem_id, _ in solutions}))
    origins = _load_origins(session, new)
    for batch in batched(keyed, BATCH):
        _insert(session, batch, pools, assignments, origins, now)
    pools.save_counts(session)
    _count_done(session, Counter(i for i in (item.rollout.assignment_id for item in new) if i is not None), now)
    return len(new)


def _drop_written(session: Session, prepared: Sequence[PreparedRollout]) -> list[PreparedRollout]:
    """The rollouts that are not in the store, each once. No other writer can add one: their problems are locked."""
    first = {item.rollout.id: item for item in reversed(prepared)}
    for batch in batched(list(first), BATCH):
        for written in session.scalars(select(RolloutRow.id).where(in_array(RolloutRow.id, batch))):
            del first[written]
    return sorted(first.values(), key=lambda item: item.rollout.id)


def _insert(
    session: Session,
    batch: Sequence[tuple[PreparedRollout, SolutionKey]],
    pools: Pools,
    assignments: dict[int, _Assignment],
    origins: _Origins,
    now: float,
) -> None:
    rows: list[dict[str, Any]] = []
    executions: list[dict[str, Any]] = []
    for seq, (item, key) in zip(reserve_ids(session, table(RolloutRow), len(batch)), batch, strict=True):
        rollout = item.rollout
        pool, place = pools.add(
            PoolCandidate(rollout.problem_id, rollout.purpose, rollout.outcome, key, len(rollout.token_ids))
        )
        assignment = assignments.get(rollout.assignment_id or 0)
        rows.append(
            {
                **item.columns,
                "seq": seq,
                "variant": key.variant,
                "sample_index": _sample_index(rollout) if assignment else None,
                "iteration": assignment.iteration if assignment else None,
                "lag": _lag(rollout, assignment, origins),
                "engine_id": origins.builds.get(rollout.engine_build or ""),
                "pool": pool and pool.value,
                "place": place,
                "created_at": now,
            }
        )
        executions += [{"rollout_seq": seq, **execution} for execution in item.executions]
    insert_rows(session, table(RolloutRow), rows)
    insert_rows(session, table(ExecutionRow), executions)


def _load_origins(session: Session, prepared: Sequence[PreparedRollout]) -> _Origins:
    rollouts = [item.rollout for item in prepared]
    versions = {rollout.spans[0].version for rollout in rollouts if rollout.spans}
    query = select(PolicyRow.version, PolicyRow.iteration).where(in_array(PolicyRow.version, versions))
    iterations = {version: iteration for version, iteration in session.execute(query) if iteration is not None}
    return _Origins(iterations, number_builds(session, (rollout.engine_build for rollout in rollouts)))


def _lag(rollout: Rollout, assignment: _Assignment | None, origins: _Origins) -> int | None:
    """The iterations between a rollout's oldest policy and the one that its iteration trains further.

    That is the policy of the iteration before, so that rollouts without any lag have 0. A rollout of a policy that was
    published meanwhile has none either.
    """
    if assignment is None or assignment.iteration is None or not rollout.spans:
        return None
    oldest = origins.iterations.get(rollout.spans[0].version)
    return None if oldest is None else max(0, assignment.iteration - 1 - oldest)


def _load_assignments(session: Session, rollouts: Sequence[Rollout]) -> dict[int, _Assignment]:
    ids = {rollout.assignment_id for rollout in rollouts if rollout.assignment_id is not None}
    columns = [getattr(AssignmentRow, name) for name in _Assignment._fields]
    found: dict[int, _Assignment] = {}
    for batch in batched(sorted(ids), BATCH):
        rows = session.execute(select(*columns).where(in_array(AssignmentRow.id, batch)))
        found |= {row[0]: _Assignment(*row) for row in rows}
    return found


def _check_assignment(rollout: Rollout, assignments: dict[int, _Assignment]) -> None:
    if rollout.assignment_id is None:
        if rollout.purpose is not Purpose.DEMONSTRATION or not rollout.id.startswith(DEMONSTRATION_PREFIX):
            raise InvalidRolloutError(
                f"rollout {rollout.id}: without an assignment it must be a demonstration whose id is "
                f"{DEMONSTRATION_PREFIX} and a hash"
            )
        return
    row = assignments.get(rollout.assignment_id)
    if row is None:
        raise InvalidRolloutError(f"rollout {rollout.id}: there is no assignment {rollout.assignment_id} in the store")
    if _sample_index(rollout) not in range(row.samples):
        last = rollout_id(row.id, row.samples - 1)
        raise InvalidRolloutError(f"rollout {rollout.id}: the last id of assignment {row.id} is {last}")
    if (rollout.problem_id, rollout.purpose) != (row.problem_id, row.purpose):
        raise InvalidRolloutError(
            f"rollout {rollout.id}: assignment {row.id} is for problem {row.problem_id!r} and purpose {row.purpose}, "
            f"the rollout has {rollout.problem_id!r} and {rollout.purpose}"
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
                    f"rollout {rollout.id}: problem {rollout.problem_id!r} is held out and cannot have demonstrations"
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
