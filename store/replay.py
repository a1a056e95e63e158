"""The replay: rollouts written once each, and read back as they were."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, insert, select, update
from sqlalchemy.orm import Session

from store import packing
from store.dedup import dedup_key
from store.errors import InvalidRolloutError
from store.models import AssignmentRow, ExecutionRow, ProblemRow, RolloutRow, table
from store.pools import Judged, Pools, hold
from store.problems import BATCH
from store.records import ExecutionRecord, Purpose, Rollout, Split, rollout_id

DEMONSTRATION_PREFIX = "demo-"


def add_rollouts(session: Session, rollouts: Iterable[Rollout], now: float) -> int:
    """Writes those that are not in the store and counts them for their assignments; returns how many were new.

    Raises:
        InvalidRolloutError: a rollout that contradicts itself, its assignment or its problem.
    """
    ordered = sorted(rollouts, key=lambda rollout: rollout.id)
    # All at once and in one order, so that two writers cannot wait for each other.
    hold(session, {rollout.problem_id for rollout in ordered})
    return sum(_add_batch(session, batch, now) for batch in batched(ordered, BATCH))


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
    executions: dict[int, list[ExecutionRecord]] = {}
    query = select(ExecutionRow.rollout_seq, ExecutionRow.status, ExecutionRow.seconds, ExecutionRow.body)
    query = query.where(ExecutionRow.rollout_seq.in_([row.seq for row in rows]))
    for seq, status, seconds, body in session.execute(query.order_by(ExecutionRow.rollout_seq, ExecutionRow.position)):
        executions.setdefault(seq, []).append(packing.unpack_execution(body, status, seconds))
    return [_to_rollout(row, executions.get(row.seq, ())) for row in rows]


def _add_batch(session: Session, batch: Sequence[Rollout], now: float) -> int:
    assignments = _assignments(session, batch)
    for rollout in batch:
        _check_itself(rollout)
        _check_assignment(rollout, assignments)
    _check_demonstrations(session, [rollout for rollout in batch if rollout.assignment_id is None])
    fresh = _fresh(session, batch)
    if not fresh:
        return 0
    rows = [_row(rollout, assignments, now) for rollout in fresh]
    _place(session, rows)
    inserted = dict(session.execute(_insert(), rows).all())
    _add_executions(session, [(inserted[rollout.id], rollout) for rollout in fresh])
    _count_done(session, Counter(r.assignment_id for r in fresh if r.assignment_id is not None), now)
    return len(fresh)


def _fresh(session: Session, batch: Sequence[Rollout]) -> list[Rollout]:
    """Those that are not in the store, each once. Nobody else can add one: the transaction holds their problems."""
    first = {rollout.id: rollout for rollout in reversed(batch)}
    written = set(session.scalars(select(RolloutRow.id).where(RolloutRow.id.in_(first))))
    return [rollout for name, rollout in sorted(first.items()) if name not in written]


def _place(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    judged = [Judged(row["problem_id"], row["purpose"], row["outcome"], row["dedup_key"]) for row in rows]
    pools = Pools.open(session, judged)
    for row, one in zip(rows, judged, strict=True):
        row["pool"], row["place"] = pools.place(one)
    pools.save_counts(session)


def _assignments(session: Session, batch: Sequence[Rollout]) -> dict[int, AssignmentRow]:
    ids = {rollout.assignment_id for rollout in batch if rollout.assignment_id is not None}
    query = select(AssignmentRow).where(AssignmentRow.id.in_(ids)).execution_options(populate_existing=True)
    return {row.id: row for row in session.scalars(query)}


def _check_itself(rollout: Rollout) -> None:
    tokens = len(rollout.token_ids)
    if len(rollout.model_mask) != tokens:
        raise InvalidRolloutError(
            f"rollout {rollout.id}: {len(rollout.model_mask)} mask flags for {tokens} tokens; there must be one a token"
        )
    for span in rollout.spans:
        if not 0 <= span.start <= span.end <= tokens:
            raise InvalidRolloutError(
                f"rollout {rollout.id}: the span {span.start}:{span.end} is not in its {tokens} tokens"
            )


def _check_assignment(rollout: Rollout, assignments: dict[int, AssignmentRow]) -> None:
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
    splits = dict(session.execute(_splits(ids)).all()) if ids else {}
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


def _splits(ids: set[str]) -> Any:
    return select(ProblemRow.id, ProblemRow.split).where(ProblemRow.id.in_(ids))


def _sample_index(rollout: Rollout) -> int:
    prefix, _, index = rollout.id.rpartition("-")
    return int(index) if prefix == str(rollout.assignment_id) and index.isdecimal() else -1


def _row(rollout: Rollout, assignments: dict[int, AssignmentRow], now: float) -> dict[str, Any]:
    assignment = assignments[rollout.assignment_id] if rollout.assignment_id is not None else None
    return {
        "id": rollout.id,
        "problem_id": rollout.problem_id,
        "assignment_id": rollout.assignment_id,
        "sample_index": _sample_index(rollout) if assignment else None,
        "iteration": assignment.iteration if assignment else None,
        "purpose": rollout.purpose,
        "outcome": rollout.outcome,
        "solution_format": rollout.solution_format,
        "answer": _storable(rollout.answer),
        "dedup_key": dedup_key(rollout.segments, rollout.answer),
        "policy_version": rollout.spans[-1].version if rollout.spans else None,
        "first_policy_version": rollout.spans[0].version if rollout.spans else None,
        "prompt_tokens": len(rollout.prompt_ids),
        "tokens": len(rollout.token_ids),
        "prompt_ids": packing.pack_ids(rollout.prompt_ids),
        "token_ids": packing.pack_ids(rollout.token_ids),
        "model_mask": packing.pack_mask(rollout.model_mask),
        "spans": packing.pack_spans(rollout.spans),
        "segments": packing.pack_segments(rollout.segments),
        "seed": rollout.seed,
        "seconds": rollout.seconds,
        "created_at": now,
    }


def _storable(answer: str | None) -> str | None:
    """A policy may write anything; a text column takes neither NUL nor half a surrogate pair."""
    if answer is None:
        return None
    return answer.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _insert() -> Any:
    rows = table(RolloutRow)
    return insert(rows).returning(rows.c.id, rows.c.seq)


def _add_executions(session: Session, rollouts: Sequence[tuple[int, Rollout]]) -> None:
    rows = [
        {
            "rollout_seq": seq,
            "position": position,
            "status": execution.status,
            "seconds": execution.seconds,
            "body": packing.pack_execution(execution),
        }
        for seq, rollout in rollouts
        for position, execution in enumerate(rollout.executions)
    ]
    if rows:
        session.execute(insert(table(ExecutionRow)), rows)


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


def _to_rollout(row: RolloutRow, executions: Sequence[ExecutionRecord]) -> Rollout:
    return Rollout(
        id=row.id,
        problem_id=row.problem_id,
        purpose=row.purpose,
        outcome=row.outcome,
        solution_format=row.solution_format,
        prompt_ids=packing.unpack_ids(row.prompt_ids),
        token_ids=packing.unpack_ids(row.token_ids),
        model_mask=packing.unpack_mask(row.model_mask, row.tokens),
        spans=packing.unpack_spans(row.spans),
        segments=packing.unpack_segments(row.segments),
        executions=tuple(executions),
        answer=row.answer,
        assignment_id=row.assignment_id,
        seconds=row.seconds,
        seed=row.seed,
    )
