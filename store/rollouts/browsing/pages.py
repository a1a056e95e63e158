"""Pages of rollouts, and how many there are, within a time budget whatever is stored and whatever is filtered by."""

from collections.abc import Iterator, Sequence
from itertools import islice

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import ProblemRow, RolloutRow
from store.records import RolloutCount, RolloutFilter, RolloutPage, RolloutSummary
from store.rollouts.browsing.conditions import conditions
from store.rollouts.browsing.text_search import TextSearch
from store.rollouts.browsing.windows import EVERYTHING, Place, Window, Windows

_WIDTH = 4_096
_TEXT_WIDTH = 512  # each of these is read in full
_WIDEST = 1 << 18
_WIDEST_OF_PROBLEMS = 1 << 14  # the problem of each of these is looked up
_QUESTION_CHARS = 300
_ANSWER_CHARS = 200


def find_page(session: Session, wanted: RolloutFilter, limit: int, place: Place, budget_s: float) -> RolloutPage:
    """Up to `limit` matching rollouts: the newest, or those next to a place."""
    windows = Windows(session, place, *_widths(wanted), budget_s)
    found = list(islice(_matches(session, wanted, windows, limit + 1, place), limit + 1))
    has_more, found = len(found) > limit, found[:limit]
    if not has_more and place.is_upwards and windows.stopped_at is None:
        return find_page(session, wanted, limit, Place(), budget_s)  # the newest page, in full
    ahead = found[-1] if has_more else windows.stopped_at
    older, newer = (_behind(place), ahead) if place.is_upwards else (ahead, _behind(place))
    searched_to = None if has_more or ahead is None else _written_at(session, ahead)
    return RolloutPage(tuple(_summaries(session, found)), older, newer, searched_to)


def count(session: Session, wanted: RolloutFilter, budget_s: float) -> RolloutCount:
    """The number of matching rollouts, without their text, as far as the budget lasts."""
    windows = Windows(session, Place(), *_widths(wanted), budget_s)
    number = 0
    for window in windows:
        rows = select(func.count()).select_from(RolloutRow).where(*_within(window), *conditions(wanted))
        number += session.scalar(rows) or 0
    return RolloutCount(number, is_exact=windows.stopped_at is None)


def find_summary(session: Session, rollout_id: str) -> RolloutSummary | None:
    """The rollout with this id; None if there is none."""
    seq = session.scalar(select(RolloutRow.seq).where(RolloutRow.id == rollout_id))
    return None if seq is None else _summaries(session, [seq])[0]


def _widths(wanted: RolloutFilter) -> tuple[int, int]:
    """The widths of the first and of the widest window. The rollouts of one problem are looked up at once."""
    if wanted.problem_id is not None:
        return EVERYTHING, EVERYTHING
    widest = _WIDEST if wanted.source is None and wanted.split is None else _WIDEST_OF_PROBLEMS
    return (_WIDTH if wanted.text is None else _TEXT_WIDTH), widest


def _matches(session: Session, wanted: RolloutFilter, windows: Windows, limit: int, place: Place) -> Iterator[int]:
    order = RolloutRow.seq.asc() if place.is_upwards else RolloutRow.seq.desc()
    text = None if wanted.text is None else TextSearch(session, wanted.text)
    for window in windows:
        seqs: Select[int] = select(RolloutRow.seq).where(*_within(window), *conditions(wanted)).order_by(order)
        if text is None:
            yield from session.scalars(seqs.limit(limit))
            continue
        for found, last in text.batches(seqs):  # a window may have many to read
            yield from found
            if windows.is_over():
                windows.stop_at(last)
                return


def _within(window: Window) -> tuple[ColumnElement[bool], ...]:
    return RolloutRow.seq >= window.low, RolloutRow.seq <= window.high


def _behind(place: Place) -> int | None:
    """The place from which the page before this one begins, in the other direction."""
    if place.newer_than is not None:
        return place.newer_than + 1
    return None if place.older_than is None else place.older_than - 1


def _written_at(session: Session, seq: int) -> float | None:
    query = select(RolloutRow.created_at).where(RolloutRow.seq >= seq).order_by(RolloutRow.seq).limit(1)
    return session.scalar(query)


def _summaries(session: Session, seqs: Sequence[int]) -> list[RolloutSummary]:
    """The summaries of these rollouts, newest first."""
    query = (
        select(
            RolloutRow.seq,
            RolloutRow.id,
            RolloutRow.problem_id,
            func.substr(ProblemRow.question, 1, _QUESTION_CHARS),
            ProblemRow.source,
            ProblemRow.split,
            RolloutRow.purpose,
            RolloutRow.outcome,
            RolloutRow.fault,
            RolloutRow.policy_version,
            RolloutRow.iteration,
            func.substr(RolloutRow.answer, 1, _ANSWER_CHARS),
            RolloutRow.tokens,
            RolloutRow.seconds,
            RolloutRow.created_at,
        )
        .join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
        .where(in_array(RolloutRow.seq, seqs))
        .order_by(RolloutRow.seq.desc())
    )
    return [RolloutSummary(*row) for row in session.execute(query)]
