"""Jobs: a teacher with its prompt and parameters, and the one process that is at work on it."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from store.annotation.ledger import lose
from store.database.tables import AnnotationJobRow, AnnotationRequestRow
from store.errors import AnnotationTakenError, UnknownRecordError
from store.problems.queries import insert_or_keep
from store.records import Amount, AnnotationJob, RequestStatus, Spending

STALE_S = 60.0
"""After so many seconds without a sign of life, an owner is taken for dead."""


def open_job(session: Session, key: str, model: str, settings: Mapping[str, Any], now: float) -> AnnotationJob:
    """The job with this key, which is created if there is none."""
    row = {"key": key, "model": model, "settings": dict(settings), "created_at": now}
    zeros = dict.fromkeys(("spent_microusd", "spent_tokens", "reserved_microusd", "reserved_tokens"), 0)
    session.execute(insert_or_keep(session, AnnotationJobRow, AnnotationJobRow.key).values(**row, **zeros))
    return job_record(session.scalars(select(AnnotationJobRow).where(AnnotationJobRow.key == key)).one())


def get_job(session: Session, job_id: int) -> AnnotationJob:
    """The job with this id. Raises `UnknownRecordError` if there is none."""
    row = session.get(AnnotationJobRow, job_id)
    if row is None:
        raise UnknownRecordError(f"there is no annotation job {job_id} in the store")
    return job_record(row)


def job_record(row: AnnotationJobRow) -> AnnotationJob:
    """The record of a row."""
    spending = Spending(
        Amount(row.spent_microusd, row.spent_tokens), Amount(row.reserved_microusd, row.reserved_tokens)
    )
    return AnnotationJob(row.id, row.key, row.model, row.settings, spending)


def claim(session: Session, job_id: int, owner: str, is_alive: Callable[[str], bool], now: float) -> int:
    """Make `owner` the process that is at work on a job.

    What an earlier owner had sent and not settled counts as spent from now on, except for what is part of a batch,
    which goes on without it. Returns the number of these requests.

    Raises:
        AnnotationTakenError: another process is at work on it.
    """
    row = session.get(AnnotationJobRow, job_id, with_for_update=True)
    if row is None:
        raise UnknownRecordError(f"there is no annotation job {job_id} in the store")
    seen_s = now - (row.owner_seen_at or 0.0)
    if row.owner not in (None, owner) and seen_s < STALE_S and is_alive(str(row.owner)):
        raise AnnotationTakenError(
            f"annotation job {job_id} ({row.model}) is under way in process {row.owner}, which was at work "
            f"{seen_s:.0f} s ago: stop it first, or wait until it ends"
        )
    in_flight = select(AnnotationRequestRow.id).where(
        AnnotationRequestRow.job_id == job_id,
        AnnotationRequestRow.status == RequestStatus.RESERVED,
        AnnotationRequestRow.batch.is_(None),
    )
    lost = list(session.scalars(in_flight)) if row.owner != owner else []
    row.owner, row.owner_seen_at = owner, now
    session.flush()
    for request_id in lost:
        lose(session, request_id, "the process that sent it ended before it was answered", now)
    return len(lost)


def beat(session: Session, job_id: int, owner: str, now: float) -> None:
    """Record that the owner of a job is alive. Raises `AnnotationTakenError` if another process took it over."""
    mine = AnnotationJobRow.id == job_id, AnnotationJobRow.owner == owner
    seen = update(AnnotationJobRow).where(*mine).values(owner_seen_at=now).returning(AnnotationJobRow.id)
    if session.scalar(seen) is None:
        raise AnnotationTakenError(f"annotation job {job_id} was taken over by another process")


def release(session: Session, job_id: int, owner: str) -> None:
    """End the ownership of a job, unless another process has it."""
    mine = AnnotationJobRow.id == job_id, AnnotationJobRow.owner == owner
    session.execute(update(AnnotationJobRow).where(*mine).values(owner=None, owner_seen_at=None))
