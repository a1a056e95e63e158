"""The ledger: each request to a teacher is reserved in the budget before it is sent, and settled by its answer.

The sum of what is spent and reserved never exceeds the budget, whatever happens: a request whose answer did not arrive,
or came without usage, counts with all that it could have cost.
"""

from sqlalchemy import ColumnElement, insert, select, true, update
from sqlalchemy.orm import Session

from store.database.tables import AnnotationAttemptRow, AnnotationJobRow, AnnotationRequestRow, table
from store.errors import AnnotationTakenError
from store.records import Amount, RequestStatus, Reservation, Usage


def reserve(
    session: Session, job_id: int, owner: str, request: Reservation, budget: tuple[int | None, int | None], now: float
) -> bool:
    """Reserve the most that a request can cost; False if the budget has no room for it. Repeating changes nothing.

    Args:
        session: a write transaction.
        job_id: the job.
        owner: the process that is at work on it.
        request: what is about to be sent.
        budget: (millionths of a US dollar, tokens), None without a limit.
        now: the time.

    Raises:
        AnnotationTakenError: another process is at work on the job.
    """
    if session.get(AnnotationRequestRow, request.id) is not None:
        return True
    job, most = AnnotationJobRow, request.most
    fits = (
        _fits(job.spent_microusd + job.reserved_microusd + most.microusd, budget[0]),
        _fits(job.spent_tokens + job.reserved_tokens + most.tokens, budget[1]),
    )
    values = {
        "reserved_microusd": job.reserved_microusd + most.microusd,
        "reserved_tokens": job.reserved_tokens + most.tokens,
        "owner_seen_at": now,
    }
    mine = job.id == job_id, job.owner == owner
    if session.scalar(update(job).where(*mine, *fits).values(values).returning(job.id)) is None:
        if session.scalar(select(job.id).where(*mine)) is None:
            raise AnnotationTakenError(f"annotation job {job_id} was taken over by another process")
        return False
    session.execute(insert(table(AnnotationRequestRow)).values(_row(job_id, request, now)))
    return True


def settle(session: Session, request_id: str, cost_microusd: int | None, usage: Usage | None, now: float) -> bool:
    """Count an answered request by its usage, or with its whole reservation if the answer had none.

    Returns False if it was counted already, which is not changed.
    """
    row = _reserved(session, request_id)
    if row is None:
        return False
    row.status = RequestStatus.SETTLED
    if usage is None or cost_microusd is None:
        row.reason = "the answer had no usage"
        _count(session, row, Amount(row.reserved_microusd, row.reserved_tokens), now)
        return True
    row.prompt_tokens, row.completion_tokens, row.cached_tokens = usage.prompt, usage.completion, usage.cached
    _count(session, row, Amount(cost_microusd, usage.tokens), now)
    return True


def lose(session: Session, request_id: str, reason: str, now: float) -> None:
    """Count a request whose answer did not arrive with its whole reservation."""
    row = _reserved(session, request_id)
    if row is not None:
        row.status, row.reason = RequestStatus.LOST, reason
        _count(session, row, Amount(row.reserved_microusd, row.reserved_tokens), now)


def refuse(session: Session, request_id: str, reason: str, now: float) -> None:
    """Return the reservation of a request that costs nothing."""
    row = _reserved(session, request_id)
    if row is not None:
        row.status, row.reason = RequestStatus.REFUSED, reason
        _count(session, row, Amount(), now)


def _fits(total: ColumnElement[int], limit: int | None) -> ColumnElement[bool]:
    return true() if limit is None else total <= limit


def _reserved(session: Session, request_id: str) -> AnnotationRequestRow | None:
    row = session.get(AnnotationRequestRow, request_id, with_for_update=True)
    return row if row is not None and row.status == RequestStatus.RESERVED else None


def _count(session: Session, row: AnnotationRequestRow, spent: Amount, now: float) -> None:
    """Move a request from what is reserved to what is spent, in the ledger, its attempt and its job."""
    row.spent_microusd, row.ended_at = spent.microusd, now
    job, attempt = AnnotationJobRow, AnnotationAttemptRow
    session.execute(
        update(job)
        .where(job.id == row.job_id)
        .values(
            reserved_microusd=job.reserved_microusd - row.reserved_microusd,
            reserved_tokens=job.reserved_tokens - row.reserved_tokens,
            spent_microusd=job.spent_microusd + spent.microusd,
            spent_tokens=job.spent_tokens + spent.tokens,
        )
    )
    session.execute(
        update(attempt)
        .where(attempt.id == row.attempt_id)
        .values(
            spent_microusd=attempt.spent_microusd + spent.microusd, spent_tokens=attempt.spent_tokens + spent.tokens
        )
    )


def _row(job_id: int, request: Reservation, now: float) -> dict[str, object]:
    return {
        "id": request.id,
        "job_id": job_id,
        "attempt_id": request.attempt_id,
        "turn": request.turn,
        "status": RequestStatus.RESERVED.value,
        "batch": request.batch,
        "reserved_microusd": request.most.microusd,
        "reserved_tokens": request.most.tokens,
        "spent_microusd": 0,
        "sent_at": now,
    }
