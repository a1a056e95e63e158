"""What follows from settled items: each is applied once, a while after it was settled, whoever was killed meanwhile."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.tables import ReviewEditRow, ReviewItemRow, RolloutRow
from store.records import ReviewItem, ReviewState, ReviewVerdict
from store.reviews.items import require_item, to_item
from store.rollouts.excluded import exclude_solution
from store.rollouts.pools import rebuild

_BATCH = 100


def due(session: Session, settled_before: float) -> list[ReviewItem]:
    """Items that were settled before a time and are not applied yet, oldest first; up to a hundred."""
    to_apply = ReviewItemRow.state == ReviewState.SETTLED, ReviewItemRow.applied_at.is_(None)
    query = select(ReviewItemRow).where(*to_apply, ReviewItemRow.settled_at <= settled_before)
    return [to_item(row) for row in session.scalars(query.order_by(ReviewItemRow.settled_at).limit(_BATCH))]


def mark_applied(session: Session, item_id: int, effect: str, now: float) -> bool:
    """Record what became of a settled item. False if it is not settled any more, or was applied before."""
    row = require_item(session, item_id, lock=True)
    if row.state is not ReviewState.SETTLED or row.applied_at is not None:
        return False
    row.applied_at, row.effect = now, effect
    return True


def apply_rejection(session: Session, item_id: int, edits: Mapping[int, str], effect: str, now: float) -> bool:
    """Exclude the solution of a rejected item from training, and record where demonstrations made of it come from.

    Args:
        edits: the ids of the demonstrations, which are stored, by the ids of the decisions.

    Returns:
        False if the item is not rejected any more, or was applied before; then nothing changes.
    """
    row = require_item(session, item_id, lock=True)
    if row.verdict is not ReviewVerdict.REJECT or not mark_applied(session, item_id, effect, now):
        return False
    assert row.rollout_seq is not None  # of every solution
    for decision_id, rollout_id in edits.items():
        seq = session.scalar(select(RolloutRow.seq).where(RolloutRow.id == rollout_id))
        assert seq is not None  # demonstrations are never pruned
        session.add(ReviewEditRow(decision_id=decision_id, rollout_seq=seq, from_rollout_seq=row.rollout_seq))
    exclude_solution(session, row.rollout_seq, item_id)
    rebuild(session, [row.problem_id])
    return True
