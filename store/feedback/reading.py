"""Reading collected completions, with their answers and ratings."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, cast

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import CollectedAnswerRow, CollectedRow
from store.errors import UnknownRecordError
from store.records import CollectedAnswer, CollectedCompletion, Completion, ReviewStatus


def read(session: Session, status: ReviewStatus | None, limit: int | None) -> list[CollectedCompletion]:
    """Rated or decided completions, the latest rating first; all that were collected if the status is None."""
    query = select(CollectedRow).order_by(CollectedRow.rated_at.desc().nulls_last(), CollectedRow.seq.desc())
    if status is not None:
        query = query.where(CollectedRow.status == status)
    if status is ReviewStatus.OPEN:
        query = query.where(CollectedRow.rated_at.is_not(None))
    return _records(session, session.scalars(query.limit(limit)).all())


def read_one(session: Session, number: int) -> CollectedCompletion:
    """The completion with this number. Raises `UnknownRecordError` if there is none."""
    return _records(session, [require(session, number)])[0]


def require(session: Session, number: int, *, lock: bool = False) -> CollectedRow:
    """The row of a completion. Raises `UnknownRecordError` if there is none."""
    row = session.get(CollectedRow, number, with_for_update=lock)
    if row is None:
        raise UnknownRecordError(f"there is no collected completion {number} in the store")
    return row


def counts(session: Session) -> dict[str, int]:
    """{"unrated": n, "open": n, "accepted": n, "rejected": n}; open are rated and not decided."""
    rated = CollectedRow.rated_at.is_not(None)
    query = select(CollectedRow.status, rated, func.count()).group_by(CollectedRow.status, rated)
    found = {"unrated": 0, **{status.value: 0 for status in ReviewStatus}}
    for status, is_rated, count in session.execute(query):
        found["unrated" if status is ReviewStatus.OPEN and not is_rated else status.value] += count
    return found


def _records(session: Session, rows: Sequence[CollectedRow]) -> list[CollectedCompletion]:
    answers: dict[int, list[CollectedAnswer]] = defaultdict(list)
    query = select(CollectedAnswerRow).where(in_array(CollectedAnswerRow.collected_seq, [row.seq for row in rows]))
    for row in session.scalars(query.order_by(CollectedAnswerRow.choice)):
        answers[row.collected_seq].append(_answer(row))
    return [_record(row, tuple(answers[row.seq])) for row in rows]


def _record(row: CollectedRow, answers: tuple[CollectedAnswer, ...]) -> CollectedCompletion:
    messages, sampling = tuple(row.request["messages"]), row.request["sampling"]
    completion = Completion(row.id, row.model, messages, sampling, row.created_at, answers)
    decision = row.status, row.decided_by, row.reason, row.decided_at, row.problem_id
    return CollectedCompletion(row.seq, completion, *decision)


def _answer(row: CollectedAnswerRow) -> CollectedAnswer:
    return CollectedAnswer(
        content=row.content,
        answer=row.answer,
        finish_reason=row.finish_reason,
        policy_version=row.policy_version,
        rating=cast(Literal[1, -1] | None, row.rating),
        right_answer=row.right_answer,
        comment=row.comment,
        rated_at=row.rated_at,
    )
