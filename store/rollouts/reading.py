"""Reading rollouts: whole records, streamed in the order in which they were written."""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ExecutionRow, RolloutRow
from store.records import Rollout
from store.rollouts.engine_builds import find_builds
from store.rollouts.row_mapping import rollout_from_row


def read_rollouts(
    session: Session, where: Sequence[ColumnElement[bool]], limit: int | None = None, *, newest_first: bool = False
) -> Iterator[Rollout]:
    """Stream the rollouts that meet all conditions, in the order in which they were written."""
    order = RolloutRow.seq.desc() if newest_first else RolloutRow.seq.asc()
    query = select(RolloutRow).where(*where).order_by(order).limit(limit).execution_options(yield_per=BATCH)
    for rows in session.scalars(query).partitions(BATCH):
        yield from load_rollouts(session, rows)


def load_rollouts(session: Session, rows: Sequence[RolloutRow]) -> list[Rollout]:
    """The records of rows, with their executions."""
    executions: dict[int, list[tuple[str, float, bytes]]] = {}
    query = select(ExecutionRow.rollout_seq, ExecutionRow.status, ExecutionRow.seconds, ExecutionRow.body)
    query = query.where(in_array(ExecutionRow.rollout_seq, [row.seq for row in rows]))
    for seq, status, seconds, body in session.execute(query.order_by(ExecutionRow.rollout_seq, ExecutionRow.position)):
        executions.setdefault(seq, []).append((status, seconds, body))
    builds = find_builds(session, {row.engine_id for row in rows if row.engine_id is not None})
    return [rollout_from_row(row, executions.get(row.seq, ()), builds.get(row.engine_id or 0)) for row in rows]
