"""Filling the queues: labels that the audit doubts, the newest solutions in doubt, and a sample of accepted ones."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Text, and_, cast, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import ProblemRow, ReviewItemRow, ReviewRow, RolloutRow, table
from store.records import (
    FaultKind,
    Outcome,
    Purpose,
    ReviewKind,
    ReviewQueue,
    ReviewReason,
    ReviewState,
    ReviewStatus,
    ReviewVerdict,
    Split,
    Support,
)
from store.reviews.scores import Scores, belief, score
from store.reviews.settings import ReviewSettings
from store.reviews.settlement import DOUBLE

_COPIES = 1_000  # attempts at a solution that are counted, at most
_STRIDE = 7_919  # a prime, so that the sample does not follow the order within assignments

_REASONS: Mapping[Outcome, ReviewReason] = {
    Outcome.ACCEPTED: ReviewReason.UNSUPPORTED,
    Outcome.UNDECIDED: ReviewReason.UNDECIDED,
    Outcome.UNVERIFIABLE: ReviewReason.UNVERIFIABLE,
    Outcome.FAULT: ReviewReason.CHECKER_FAULT,
}


def find_new(session: Session, settings: ReviewSettings) -> list[dict[str, Any]]:
    """The rows of items that could be opened. Reads only, so that no writer waits for it."""
    rooms = {queue: settings.max_open - _count_open(session, queue) for queue in ReviewQueue}
    settled = _settled_counts(session)
    return [
        *_labels(session, rooms[ReviewQueue.LABELS]),
        *_solutions(session, ReviewQueue.DOUBTS, _in_doubt(), rooms[ReviewQueue.DOUBTS], settings, settled),
        *_solutions(session, ReviewQueue.CHECKS, _in_sample(settings), rooms[ReviewQueue.CHECKS], settings, settled),
    ]


def open_items(session: Session, new: Sequence[Mapping[str, Any]], now: float) -> int:
    """Withdraw the items that are moot, and open the new ones, unless another process just did; returns how many."""
    _withdraw(session)
    if not new:
        return 0
    rows = [{**row, "state": ReviewState.OPEN, "needed": DOUBLE, "decided": 0, "opened_at": now} for row in new]
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table(ReviewItemRow)).on_conflict_do_nothing(index_elements=["kind", "subject"])
    return len(session.scalars(statement.returning(table(ReviewItemRow).c.id), rows).all())


def _withdraw(session: Session) -> None:
    """Close the items whose correction was decided elsewhere, or whose problem is not trained on any more."""
    decided = exists().where(ReviewRow.id == ReviewItemRow.label_review_id, ReviewRow.status != ReviewStatus.OPEN)
    left = exists().where(ProblemRow.id == ReviewItemRow.problem_id, ProblemRow.split != Split.TRAIN)
    moot = or_(
        and_(ReviewItemRow.kind == ReviewKind.LABEL, decided), and_(ReviewItemRow.kind == ReviewKind.SOLUTION, left)
    )
    statement = update(ReviewItemRow).where(ReviewItemRow.state == ReviewState.OPEN, moot)
    session.execute(statement.values(state=ReviewState.WITHDRAWN), execution_options={"synchronize_session": False})


def _count_open(session: Session, queue: ReviewQueue) -> int:
    is_open = ReviewItemRow.state == ReviewState.OPEN, ReviewItemRow.queue == queue
    return session.scalar(select(func.count()).select_from(ReviewItemRow).where(*is_open)) or 0


def _settled_counts(session: Session) -> dict[tuple[ReviewReason, ReviewVerdict], int]:
    by = ReviewItemRow.reason, ReviewItemRow.verdict
    query = select(*by, func.count()).where(ReviewItemRow.state == ReviewState.SETTLED).group_by(*by)
    return {(reason, verdict): count for reason, verdict, count in session.execute(query) if verdict is not None}


# ---------------------------------------------------------------- labels


def _labels(session: Session, room: int) -> Iterable[dict[str, Any]]:
    known = exists().where(ReviewItemRow.label_review_id == ReviewRow.id)
    query = select(ReviewRow).where(ReviewRow.status == ReviewStatus.OPEN, ~known)
    for review in session.scalars(query.order_by(ReviewRow.score.desc(), ReviewRow.id).limit(max(room, 0))):
        samples = int(review.evidence.get("attempts", 0))
        scores = score(review.score, samples, list(review.evidence.get("answers", {}).values()))
        yield {
            "kind": ReviewKind.LABEL,
            "subject": str(review.id),
            "queue": ReviewQueue.LABELS,
            "reason": ReviewReason.AUDIT,
            "problem_id": review.problem_id,
            "rollout_seq": None,
            "label_review_id": review.id,
            **scores._asdict(),
        }


# ---------------------------------------------------------------- solutions


def _in_doubt() -> ColumnElement[bool]:
    unsupported = and_(RolloutRow.outcome == Outcome.ACCEPTED, RolloutRow.support == Support.UNSUPPORTED)
    no_verdict = RolloutRow.outcome.in_((Outcome.UNDECIDED, Outcome.UNVERIFIABLE))
    failed = and_(RolloutRow.outcome == Outcome.FAULT, RolloutRow.fault == FaultKind.CHECKER)
    return or_(unsupported, no_verdict, failed)


def _in_sample(settings: ReviewSettings) -> ColumnElement[bool]:
    accepted = RolloutRow.outcome == Outcome.ACCEPTED, RolloutRow.place.is_not(None)
    supported = or_(RolloutRow.support.is_(None), RolloutRow.support != Support.UNSUPPORTED)
    return and_(*accepted, supported, RolloutRow.seq * _STRIDE % 1_000 < round(1_000 * settings.check_share))


def _solutions(
    session: Session,
    queue: ReviewQueue,
    wanted: ColumnElement[bool],
    room: int,
    settings: ReviewSettings,
    settled: Mapping[tuple[ReviewReason, ReviewVerdict], int],
) -> Iterable[dict[str, Any]]:
    """Items for the newest attempts that are wanted, each solution of a problem once."""
    seen: set[tuple[str, bytes, int]] = set()
    limit = max(min(room, settings.max_new), 0)
    for row in _newest(session, wanted, settings, limit):
        solution = row.problem_id, bytes(row.sketch), row.variant
        if solution in seen or _is_known(session, solution):
            continue
        seen.add(solution)
        reason = ReviewReason.SPOT_CHECK if queue is ReviewQueue.CHECKS else _REASONS[row.outcome]
        yield {
            "kind": ReviewKind.SOLUTION,
            "subject": row.id,
            "queue": queue,
            "reason": reason,
            "problem_id": row.problem_id,
            "rollout_seq": row.seq,
            "label_review_id": None,
            **_score(session, solution, reason, (row.accepted, row.judged), settled)._asdict(),
        }


def _newest(
    session: Session, wanted: ColumnElement[bool], settings: ReviewSettings, limit: int
) -> Sequence[Row[str, int, str, Outcome, bytes, int, int, int]]:
    """(id, seq, problem, outcome, sketch, variant, accepted, judged) of the newest attempts that are wanted."""
    newest = session.scalar(select(func.max(RolloutRow.seq))) or 0
    known = exists().where(ReviewItemRow.rollout_seq == RolloutRow.seq)
    split = select(ProblemRow.split).where(ProblemRow.id == RolloutRow.problem_id).scalar_subquery()
    # Conditions that no index has, so that the window alone is read: by an index of purposes, or from the problems on,
    # SQLite would read the rollouts of the whole run.
    is_training = cast(RolloutRow.purpose, Text) == Purpose.TRAIN.value
    seqs = select(RolloutRow.seq).where(RolloutRow.seq > newest - settings.newest_rollouts, is_training, wanted)
    seqs = seqs.where(split == Split.TRAIN, ~known).order_by(RolloutRow.seq.desc()).limit(limit)
    query = select(
        RolloutRow.id,
        RolloutRow.seq,
        RolloutRow.problem_id,
        RolloutRow.outcome,
        RolloutRow.sketch,
        RolloutRow.variant,
        ProblemRow.accepted,
        ProblemRow.judged,
    ).join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
    found = in_array(RolloutRow.seq, session.scalars(seqs).all())
    return session.execute(query.where(found).order_by(RolloutRow.seq.desc())).all()


def _same(solution: tuple[str, bytes, int]) -> tuple[ColumnElement[bool], ...]:
    problem_id, sketch, variant = solution
    return RolloutRow.problem_id == problem_id, RolloutRow.sketch == sketch, RolloutRow.variant == variant


def _is_known(session: Session, solution: tuple[str, bytes, int]) -> bool:
    """Whether another attempt with the same solution is an item already."""
    items = select(ReviewItemRow.id).join(RolloutRow, RolloutRow.seq == ReviewItemRow.rollout_seq)
    items = items.where(ReviewItemRow.problem_id == solution[0], *_same(solution))
    return session.scalar(items.limit(1)) is not None


def _score(
    session: Session,
    solution: tuple[str, bytes, int],
    reason: ReviewReason,
    rates: tuple[int, int],
    settled: Mapping[tuple[ReviewReason, ReviewVerdict], int],
) -> Scores:
    copies = select(RolloutRow.seq).where(*_same(solution)).limit(_COPIES).subquery()
    samples = session.scalar(select(func.count()).select_from(copies)) or 0
    accepted, judged = rates
    return score(belief(reason, settled), samples, (accepted, judged - accepted))
