"""Leases: which page has which item. A slot is a decision in effect or a live lease, so that none is had twice."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from store.database.tables import ReviewItemRow, ReviewLeaseRow
from store.errors import ReviewTakenError
from store.records import ReviewLease, ReviewOrder, ReviewQueue, ReviewState
from store.reviews.items import decisions_in_effect, may_decide, require_item, to_item

_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which item a page asks for: the first of a queue, or the next or the one before another item of it."""

    queue: ReviewQueue
    order: ReviewOrder = ReviewOrder.VALUE
    beside: int | None = None
    is_backwards: bool = False


def take(session: Session, reviewer: str, token: str, wanted: Wanted, now: float, lease_s: float) -> ReviewLease | None:
    """Lease the wanted item for a page; None if there is none left for this reviewer."""
    session.execute(delete(ReviewLeaseRow).where(ReviewLeaseRow.expires_at <= now))
    column = getattr(ReviewItemRow, wanted.order.value)
    by = (column.asc(), ReviewItemRow.id.desc()) if wanted.is_backwards else (column.desc(), ReviewItemRow.id.asc())
    query = select(ReviewItemRow.id).where(ReviewItemRow.queue == wanted.queue, *may_decide(reviewer, now))
    if wanted.beside is not None:
        query = query.where(_beside(session, wanted))
    found = session.scalars(query.order_by(*by).limit(_CANDIDATES)).all()
    for waits in (False, True):  # others have an item for a moment: wait for it only where there is no other
        for item_id in found:
            lease = _claim(session, item_id, reviewer, token, now, lease_s, waits=waits)
            if lease is not None:
                return lease
    return None


def hold(session: Session, item_id: int, reviewer: str, token: str, now: float, lease_s: float) -> ReviewLease:
    """Extend the lease of a page, or take it anew if it has expired and a slot is free.

    Raises:
        UnknownRecordError: there is no such item.
        ReviewTakenError: it is settled, others have it, or this reviewer has it on another page or decided on it.
    """
    row = require_item(session, item_id, lock=True)
    lease = session.get(ReviewLeaseRow, token)
    if lease is not None and (lease.item_id, lease.reviewer) == (item_id, reviewer) and lease.expires_at > now:
        lease.expires_at = now + lease_s
        return ReviewLease(token, to_item(row), reviewer, lease.expires_at)
    taken = _claim(session, item_id, reviewer, token, now, lease_s, waits=True)
    if taken is None:
        raise ReviewTakenError(why_taken(session, row, reviewer))
    return taken


def release(session: Session, token: str) -> None:
    """Give a lease back. Without effect if it is over."""
    session.execute(delete(ReviewLeaseRow).where(ReviewLeaseRow.token == token))


def why_taken(session: Session, row: ReviewItemRow, reviewer: str) -> str:
    """Why this reviewer cannot decide on an item now."""
    own = next((one for one in decisions_in_effect(session, row.id) if one.reviewer == reviewer), None)
    if own is not None:
        return f"You decided on this item before: {own.verdict.value}. Undo that to decide again."
    if row.state is not ReviewState.OPEN:
        return f"This item is {row.state.value} by now."
    return "This item is on another page of yours, or others have all of its slots."


def _claim(
    session: Session, item_id: int, reviewer: str, token: str, now: float, lease_s: float, *, waits: bool
) -> ReviewLease | None:
    """A lease, if a slot is still free once the item is locked.

    An item that another transaction has locked is passed over, unless it `waits`.
    """
    locked = select(ReviewItemRow).where(ReviewItemRow.id == item_id).with_for_update(skip_locked=not waits)
    row = session.scalar(locked)
    free = select(ReviewItemRow.id).where(ReviewItemRow.id == item_id, *may_decide(reviewer, now))
    if row is None or session.scalar(free) is None:
        return None
    session.merge(ReviewLeaseRow(token=token, item_id=item_id, reviewer=reviewer, expires_at=now + lease_s))
    session.flush()
    return ReviewLease(token, to_item(row), reviewer, now + lease_s)


def _beside(session: Session, wanted: Wanted) -> ColumnElement[bool]:
    """The condition to come after an item in the order, or before it."""
    column = getattr(ReviewItemRow, wanted.order.value)
    assert wanted.beside is not None
    here = require_item(session, wanted.beside)
    at = getattr(here, wanted.order.value)
    if wanted.is_backwards:
        return or_(column > at, and_(column == at, ReviewItemRow.id < here.id))
    return or_(column < at, and_(column == at, ReviewItemRow.id > here.id))
