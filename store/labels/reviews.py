"""Reviews of proposed corrections of labels.

An accepted correction changes the label, records the old one in the history, and rescores the problem's rollouts by
their stored answers: nothing is sampled again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, insert, select, update
from sqlalchemy.orm import Session

from store.database.tables import OutcomeChangeRow, ProblemRow, ReviewRow, RolloutRow, table
from store.errors import InvalidProblemError, ReviewDecidedError, UnknownRecordError
from store.labels.audit import Equal, Proposal
from store.labels.history import change_label
from store.outcomes import COUNTED
from store.problems.row_locks import lock_problems
from store.records import Outcome, Purpose, ReviewStatus
from store.rollouts.pools import add_judged, rebuild

Judge = Callable[[str, Sequence[str]], Mapping[str, Outcome]]
"""The outcome of each answer by a label. Passed in, because the store knows no mathematics."""

# Rollouts whose answer was compared, with or without a verdict. Another label may give one to those without.
_JUDGED = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.UNDECIDED, Outcome.UNVERIFIABLE)


@dataclass(frozen=True, slots=True)
class Review:
    """A proposed correction of `label`, the problem's answer at the time. `score`: the probability that it is wrong."""

    id: int
    problem_id: str
    question: str
    status: ReviewStatus
    label: str
    proposed_answer: str
    score: float
    evidence: Mapping[str, Any]
    proposed_by: str
    proposed_at: float
    decided_by: str | None
    reason: str | None
    decided_at: float | None


@dataclass(frozen=True, slots=True)
class RescoreResult:
    """The effect of an accepted correction: rollouts judged, those that became accepted, and those wrong."""

    rollouts: int
    accepted: int
    rejected: int


class _Judged(NamedTuple):
    """The columns of a rollout that a correction judges again."""

    seq: int
    purpose: Purpose
    answer: str
    outcome: Outcome
    tokens: int


class UnjudgedAnswersError(Exception):
    """Rollouts with answers that are not judged yet were written. `Labels.accept` judges those and retries."""


def reuse_known_spelling(session: Session, proposals: Iterable[Proposal], equal: Equal) -> list[Proposal]:
    """The proposals, with answers in the spelling of earlier reviews that propose an equivalent one.

    The most frequent spelling changes as attempts come in, but a decision is about the answer and not its spelling.
    """
    return [_reuse_known_spelling(session, proposal, equal) for proposal in proposals]


def propose(session: Session, proposals: Iterable[Proposal], by: str, now: float) -> int:
    """Open a review for each proposal; returns how many are new.

    An open review is updated. A decided one is not opened again as long as the label is the same.
    """
    wanted = {proposal.problem_id: proposal for proposal in proposals}
    lock_problems(session, wanted)  # of two concurrent audits, the second sees the reviews of the first
    return sum(_propose(session, proposal, by, now) for proposal in wanted.values())


def read_reviews(
    session: Session, status: ReviewStatus | None, limit: int | None, problem_id: str | None = None
) -> list[Review]:
    """Reviews by status and problem, or all; highest score first."""
    query = select(ReviewRow, ProblemRow.question).join(ProblemRow, ProblemRow.id == ReviewRow.problem_id)
    if status is not None:
        query = query.where(ReviewRow.status == status)
    if problem_id is not None:
        query = query.where(ReviewRow.problem_id == problem_id)
    query = query.order_by(ReviewRow.score.desc(), ReviewRow.id).limit(limit)
    return [_to_review(row, question) for row, question in session.execute(query)]


def review_counts(session: Session) -> dict[str, int]:
    """The number of reviews by status, zeros included."""
    counts = {status.value: 0 for status in ReviewStatus}
    for status, count in session.execute(select(ReviewRow.status, func.count()).group_by(ReviewRow.status)):
        counts[status.value] = count
    return counts


def problems_under_review(session: Session) -> set[str]:
    """The ids of problems with an open review."""
    return set(session.scalars(select(ReviewRow.problem_id).where(ReviewRow.status == ReviewStatus.OPEN)))


def get_review(session: Session, review_id: int) -> Review:
    """The review with this id. Raises `UnknownRecordError` if there is none."""
    row = _require(session, review_id)
    return _to_review(row, _problem(session, row).question)


def reject(session: Session, review_id: int, by: str, reason: str, now: float) -> None:
    """Keep the label. Rejecting again changes nothing.

    Raises:
        UnknownRecordError: there is no such review.
        ReviewDecidedError: the correction was accepted.
    """
    row = _lock(session, review_id)
    if row.status is ReviewStatus.REJECTED:
        return
    _require_open(row)
    _decide(row, ReviewStatus.REJECTED, by, reason, now)


def answers_to_judge(session: Session, review_id: int) -> set[str]:
    """The distinct answers of the problem's rollouts, whose outcomes `accept` needs."""
    query = select(RolloutRow.answer).where(RolloutRow.problem_id == _require(session, review_id).problem_id)
    query = query.where(RolloutRow.outcome.in_(_JUDGED), RolloutRow.answer.is_not(None)).distinct()
    return {answer for answer in session.scalars(query) if answer is not None}


def accept(
    session: Session, review_id: int, by: str, reason: str, outcomes: Mapping[str, Outcome], now: float
) -> RescoreResult:
    """Correct the label and rescore the problem's rollouts.

    Accepting again rescores only rollouts that were written since, by a sampler that still had the old label.

    Args:
        outcomes: the outcome of each of `answers_to_judge`, by the proposed answer.

    Raises:
        UnknownRecordError: there is no such review.
        ReviewDecidedError: it was rejected, or the label has changed otherwise since.
        UnjudgedAnswersError: rollouts with other answers were written since. The transaction must be rolled back.
    """
    row = _lock(session, review_id)
    first = row.status is not ReviewStatus.ACCEPTED
    if first:
        _require_open(row)
    expected = row.label if first else row.proposed_answer
    if _problem(session, row).answer != expected:
        raise ReviewDecidedError(
            f"review {row.id}: the answer of problem {row.problem_id!r} has changed since and is not {expected!r}"
        )
    rescored = _rescore(session, row, outcomes)
    if first:
        change_label(session, row.problem_id, row.proposed_answer, by, reason, now, row.id)
        _decide(row, ReviewStatus.ACCEPTED, by, reason, now)
        _supersede(session, row, by, now)
    return rescored


def _reuse_known_spelling(session: Session, proposal: Proposal, equal: Equal) -> Proposal:
    same_problem = ReviewRow.problem_id == proposal.problem_id, ReviewRow.label == proposal.label
    known = session.scalars(select(ReviewRow.proposed_answer).where(*same_problem).order_by(ReviewRow.id)).all()
    if proposal.proposed_answer in known:
        return proposal
    spelling = next((answer for answer in known if equal(answer, proposal.proposed_answer)), proposal.proposed_answer)
    return replace(proposal, proposed_answer=spelling)


def _propose(session: Session, proposal: Proposal, by: str, now: float) -> bool:
    problem = session.get(ProblemRow, proposal.problem_id)
    if problem is None or problem.answer != proposal.label:
        return False  # corrected since the audit read it
    query = select(ReviewRow).where(ReviewRow.problem_id == proposal.problem_id, ReviewRow.label == proposal.label)
    known = session.scalars(query.where(ReviewRow.proposed_answer == proposal.proposed_answer)).first()
    if known is None:
        session.add(
            ReviewRow(
                problem_id=proposal.problem_id,
                status=ReviewStatus.OPEN,
                label=proposal.label,
                proposed_answer=proposal.proposed_answer,
                score=proposal.score,
                evidence=dict(proposal.evidence),
                proposed_by=by,
                proposed_at=now,
            )
        )
    elif known.status is ReviewStatus.OPEN:
        known.score, known.evidence = proposal.score, dict(proposal.evidence)
    return known is None


def _lock(session: Session, review_id: int) -> ReviewRow:
    """The review, read after its problem is locked, as every decision does."""
    lock_problems(session, [_require(session, review_id).problem_id])
    session.expire_all()
    return _require(session, review_id)


def _require(session: Session, review_id: int) -> ReviewRow:
    row = session.get(ReviewRow, review_id)
    if row is None:
        raise UnknownRecordError(f"there is no review {review_id} in the store")
    return row


def _require_open(row: ReviewRow) -> None:
    if row.status is not ReviewStatus.OPEN:
        raise ReviewDecidedError(f"review {row.id} was {row.status.value} by {row.decided_by}: {row.reason}")


def _problem(session: Session, row: ReviewRow) -> ProblemRow:
    problem = session.get(ProblemRow, row.problem_id)
    assert problem is not None  # a foreign key
    return problem


def _decide(row: ReviewRow, status: ReviewStatus, by: str, reason: str, now: float) -> None:
    if not by.strip() or not reason.strip():
        raise InvalidProblemError(f"review {row.id}: a decision needs a name and a reason")
    row.status, row.decided_by, row.reason, row.decided_at = status, by, reason, now


def _supersede(session: Session, accepted: ReviewRow, by: str, now: float) -> None:
    """Reject the other open proposals for the problem: their label is gone."""
    query = select(ReviewRow).where(ReviewRow.problem_id == accepted.problem_id, ReviewRow.status == ReviewStatus.OPEN)
    for row in session.scalars(query.where(ReviewRow.id != accepted.id)):
        _decide(row, ReviewStatus.REJECTED, by, f"review {accepted.id} was accepted instead", now)


def _rescore(session: Session, review: ReviewRow, outcomes: Mapping[str, Outcome]) -> RescoreResult:
    done = exists().where(OutcomeChangeRow.review_id == review.id, OutcomeChangeRow.rollout_seq == RolloutRow.seq)
    query = select(*[getattr(RolloutRow, name) for name in _Judged._fields]).where(
        RolloutRow.problem_id == review.problem_id,
        RolloutRow.outcome.in_(_JUDGED),
        RolloutRow.answer.is_not(None),
        ~done,
    )
    judged = [_Judged._make(row) for row in session.execute(query)]
    if not {rollout.answer for rollout in judged} <= outcomes.keys():
        raise UnjudgedAnswersError
    changed = [
        (one.seq, one.outcome, outcomes[one.answer]) for one in judged if outcomes[one.answer] is not one.outcome
    ]
    if changed:
        _save_outcomes(session, review.id, changed)
        trained = [one for one in judged if one.purpose is Purpose.TRAIN]
        change = [(outcomes[one.answer] in COUNTED) - (one.outcome in COUNTED) for one in trained]
        tokens = sum(more * one.tokens for more, one in zip(change, trained, strict=True))
        add_judged(session, review.problem_id, sum(change), tokens)
        rebuild(session, [review.problem_id])
    now = Counter(new for _, _, new in changed)
    return RescoreResult(len(judged), now[Outcome.ACCEPTED], now[Outcome.WRONG])


def _save_outcomes(session: Session, review_id: int, changed: list[tuple[int, Outcome, Outcome]]) -> None:
    rows, history = table(RolloutRow), table(OutcomeChangeRow)
    statement = update(rows).where(rows.c.seq == bindparam("rollout")).values(outcome=bindparam("new"))
    session.execute(statement, [{"rollout": seq, "new": new} for seq, _, new in changed])
    session.execute(
        insert(history),
        [
            {"review_id": review_id, "rollout_seq": seq, "old_outcome": old, "new_outcome": new}
            for seq, old, new in changed
        ],
    )


def _to_review(row: ReviewRow, question: str) -> Review:
    return Review(
        id=row.id,
        problem_id=row.problem_id,
        question=question,
        status=row.status,
        label=row.label,
        proposed_answer=row.proposed_answer,
        score=row.score,
        evidence=row.evidence,
        proposed_by=row.proposed_by,
        proposed_at=row.proposed_at,
        decided_by=row.decided_by,
        reason=row.reason,
        decided_at=row.decided_at,
    )
