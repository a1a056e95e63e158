"""The history of reference answers: what a problem's answer was, who or what changed it, when, and why."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.tables import LabelChangeRow, ProblemRow
from store.errors import InvalidProblemError, UnknownRecordError
from store.records import LabelChange


def change_label(
    session: Session,
    problem_id: str,
    new_answer: str,
    by: str,
    reason: str,
    now: float,
    review_id: int | None = None,
) -> bool:
    """Change a problem's answer and record the old one; returns False, and changes nothing, if it is the same.

    Rollouts keep their outcomes; the caller rescores them in the same transaction.

    Raises:
        UnknownRecordError: there is no such problem.
        InvalidProblemError: the answer is empty.
    """
    row = session.scalar(select(ProblemRow).where(ProblemRow.id == problem_id).with_for_update())
    if row is None:
        raise UnknownRecordError(f"there is no problem {problem_id!r} in the store")
    new_answer = new_answer.strip()
    if not new_answer or "\0" in new_answer:
        raise InvalidProblemError(f"problem {problem_id!r}: {new_answer!r} is not an answer")
    if new_answer == row.answer:
        return False
    session.add(
        LabelChangeRow(
            problem_id=problem_id,
            review_id=review_id,
            old_answer=row.answer,
            new_answer=new_answer,
            changed_by=by,
            reason=reason,
            changed_at=now,
        )
    )
    row.answer = new_answer
    return True


def label_history(session: Session, problem_id: str) -> list[LabelChange]:
    """The changes of a problem's answer, oldest first. Raises `UnknownRecordError` if there is no such problem."""
    if session.get(ProblemRow, problem_id) is None:
        raise UnknownRecordError(f"there is no problem {problem_id!r} in the store")
    query = select(LabelChangeRow).where(LabelChangeRow.problem_id == problem_id).order_by(LabelChangeRow.id)
    return [
        LabelChange(
            problem_id=row.problem_id,
            old_answer=row.old_answer,
            new_answer=row.new_answer,
            changed_by=row.changed_by,
            reason=row.reason,
            changed_at=row.changed_at,
            review_id=row.review_id,
        )
        for row in session.scalars(query)
    ]
