"""Decisions on collected completions. A confirmed one becomes a training problem by the same import as any other.

So a question that is a held-out problem, similar to one, or known already is refused, with the reason.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.tables import CollectedRow, ExclusionRow, ProblemRow
from store.errors import InvalidProblemError, ReviewDecidedError
from store.feedback.reading import read_one, require
from store.problems.importing import Spool, store_spool
from store.problems.sources.rows.fields import BadRowError
from store.problems.sources.rows.parsing import parse_problem
from store.records import CollectedCompletion, ExclusionKind, Problem, ReviewStatus, Split
from store.settings import TableSettings

SOURCE = "feedback"
"""The source of problems that come from feedback."""

_SETTINGS = TableSettings(split=Split.TRAIN)


def to_problem(collected: CollectedCompletion, answer: str) -> Problem:
    """The training problem that a completion becomes with this answer.

    Raises:
        InvalidProblemError: the question does not stand alone, or the answer is none.
    """
    if not collected.completion.stands_alone:
        raise InvalidProblemError(
            f"completion {collected.number}: its question continues a conversation, and a problem must stand alone"
        )
    try:
        return parse_problem({"question": collected.completion.question, "answer": answer}, _SETTINGS, SOURCE)
    except BadRowError as error:
        raise InvalidProblemError(f"completion {collected.number}: {error}") from error


def accept(session: Session, number: int, answer: str, by: str, reason: str, now: float) -> CollectedCompletion:
    """Make a training problem of a completion. If the import refuses it, it is rejected, and `reason` says why.

    Accepting again changes nothing.

    Raises:
        UnknownRecordError: there is no such completion.
        ReviewDecidedError: it was rejected, or accepted with another answer.
        InvalidProblemError: it cannot be a problem.
    """
    row, collected = _locked(session, number)
    problem = to_problem(collected, answer)
    if row.status is ReviewStatus.ACCEPTED and _answer_of(session, row.problem_id) == problem.answer:
        return collected
    _require_open(row)
    with Spool() as spool:
        spool.fill([problem])
        report = store_spool(session, spool, SOURCE, now)
    if report.train:
        row.problem_id = problem.id
        return _decide(session, row, ReviewStatus.ACCEPTED, by, reason, now)
    return _decide(session, row, ReviewStatus.REJECTED, by, _why_refused(session, problem), now)


def reject(session: Session, number: int, by: str, reason: str, now: float) -> CollectedCompletion:
    """Make no problem of a completion. Rejecting again changes nothing.

    Raises:
        UnknownRecordError: there is no such completion.
        ReviewDecidedError: it was accepted.
    """
    row, collected = _locked(session, number)
    if row.status is ReviewStatus.REJECTED:
        return collected
    _require_open(row)
    return _decide(session, row, ReviewStatus.REJECTED, by, reason, now)


def _locked(session: Session, number: int) -> tuple[CollectedRow, CollectedCompletion]:
    row = require(session, number, lock=True)
    return row, read_one(session, number)


def _require_open(row: CollectedRow) -> None:
    if row.status is not ReviewStatus.OPEN:
        raise ReviewDecidedError(f"completion {row.seq} was {row.status.value} by {row.decided_by}: {row.reason}")


def _decide(
    session: Session, row: CollectedRow, status: ReviewStatus, by: str, reason: str, now: float
) -> CollectedCompletion:
    if not by.strip() or not reason.strip():
        raise InvalidProblemError(f"completion {row.seq}: a decision needs a name and a reason")
    row.status, row.decided_by, row.reason, row.decided_at = status, by, reason, now
    session.flush()
    return read_one(session, row.seq)


def _answer_of(session: Session, problem_id: str | None) -> str | None:
    return session.scalar(select(ProblemRow.answer).where(ProblemRow.id == problem_id))


def _why_refused(session: Session, problem: Problem) -> str:
    """The reason for which the import did not add a problem."""
    stored = session.scalars(select(ProblemRow).where(ProblemRow.split_key == problem.split_key)).one_or_none()
    if stored is not None and stored.split is not Split.HELDOUT:
        excluded = ", which is excluded from training" if stored.split is Split.EXCLUDED else ""
        return f"refused: the question is that of problem {stored.id}{excluded}"
    exclusion = session.scalars(select(ExclusionRow).where(ExclusionRow.split_key == problem.split_key)).one()
    kind = "a template twin" if exclusion.kind is ExclusionKind.TEMPLATE_TWIN else "a near-duplicate"
    what = "the same as" if exclusion.similarity == 1 and stored is not None else f"{kind} of"
    return f"refused: the question is {what} the held-out problem {exclusion.heldout_id}"
