"""Items: reading them, and what is known of one inside a transaction."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session, aliased

from store.database.tables import ReviewDecisionRow, ReviewItemRow, ReviewLeaseRow
from store.errors import UnknownRecordError
from store.records import QueueProgress, ReviewItem, ReviewQueue, ReviewState, ReviewVerdict, item_key
from store.reviews.settlement import WITH_THIRD


def read_item(session: Session, item_id: int) -> ReviewItem:
    """The item with this id. Raises `UnknownRecordError` if there is none."""
    return to_item(require_item(session, item_id))


def require_item(session: Session, item_id: int, *, lock: bool = False) -> ReviewItemRow:
    """The row of an item, locked until the transaction ends if `lock`.

    Raises:
        UnknownRecordError: there is no such item.
    """
    query = select(ReviewItemRow).where(ReviewItemRow.id == item_id)
    row = session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise UnknownRecordError(f"there is no review item {item_id} in the store")
    return row


def find_item(session: Session, key: str) -> ReviewItem | None:
    """The item with this key, None if there is none."""
    row = row_of_key(session, key)
    return None if row is None else to_item(row)


def row_of_key(session: Session, key: str, *, lock: bool = False) -> ReviewItemRow | None:
    """The row of the item with this key, locked until the transaction ends if `lock`; None if there is none."""
    kind, _, subject = key.partition(":")
    query = select(ReviewItemRow).where(ReviewItemRow.kind == kind, ReviewItemRow.subject == subject)
    return session.scalar(query.with_for_update() if lock else query)


def in_effect(decision: Any = ReviewDecisionRow) -> ColumnElement[bool]:
    """Whether a decision is one and was not undone."""
    undoing = aliased(ReviewDecisionRow)
    return (decision.verdict != ReviewVerdict.UNDO) & ~exists().where(undoing.undoes == decision.id)


def decisions_in_effect(session: Session, item_id: int) -> Sequence[ReviewDecisionRow]:
    """The decisions on an item that were not undone, oldest first; each is by another reviewer."""
    query = select(ReviewDecisionRow).where(ReviewDecisionRow.item_id == item_id, in_effect())
    return session.scalars(query.order_by(ReviewDecisionRow.id)).all()


def may_decide(reviewer: str, now: float) -> tuple[ColumnElement[bool], ...]:
    """The conditions on an open item that this reviewer may take: a slot is free, and none of them is theirs."""
    of_item = ReviewDecisionRow.item_id == ReviewItemRow.id
    decided = exists().where(of_item, ReviewDecisionRow.reviewer == reviewer, in_effect())
    live = ReviewLeaseRow.item_id == ReviewItemRow.id, ReviewLeaseRow.expires_at > now
    held = select(func.count()).select_from(ReviewLeaseRow).where(*live).correlate(ReviewItemRow).scalar_subquery()
    own = exists().where(*live, ReviewLeaseRow.reviewer == reviewer)
    is_open = ReviewItemRow.state == ReviewState.OPEN
    return is_open, ~decided, ~own, ReviewItemRow.decided + held < ReviewItemRow.needed


def progress(session: Session, reviewer: str) -> list[QueueProgress]:
    """The state of each queue, and how many of its items this reviewer may still decide on."""
    decided = exists().where(
        ReviewDecisionRow.item_id == ReviewItemRow.id, ReviewDecisionRow.reviewer == reviewer, in_effect()
    )
    is_open = ReviewItemRow.state == ReviewState.OPEN
    columns = ReviewItemRow.queue, ReviewItemRow.state, ReviewItemRow.needed
    counts = {tuple(row[:3]): row[3] for row in session.execute(select(*columns, func.count()).group_by(*columns))}
    own = select(ReviewItemRow.queue, func.count()).where(is_open, ~decided).group_by(ReviewItemRow.queue)
    for_reviewer = dict(session.execute(own).all())

    def total(queue: ReviewQueue, state: ReviewState, *needed: int) -> int:
        return sum(n for (q, s, k), n in counts.items() if (q, s) == (queue, state) and (not needed or k in needed))

    return [
        QueueProgress(
            queue,
            for_reviewer.get(queue, 0),
            total(queue, ReviewState.OPEN),
            total(queue, ReviewState.OPEN, WITH_THIRD),
            total(queue, ReviewState.SETTLED),
        )
        for queue in ReviewQueue
    ]


def to_item(row: ReviewItemRow) -> ReviewItem:
    """The record of a row."""
    return ReviewItem(
        id=row.id,
        kind=row.kind,
        key=item_key(row.kind, row.subject),
        queue=row.queue,
        reason=row.reason,
        problem_id=row.problem_id,
        rollout_id=row.subject if row.rollout_seq is not None else None,
        label_review_id=row.label_review_id,
        disagreement=row.disagreement,
        doubt=row.doubt,
        value=row.value,
        state=row.state,
        needed=row.needed,
        decided=row.decided,
        verdict=row.verdict,
        settled_at=row.settled_at,
        effect=row.effect,
    )
