"""Decisions: added and never changed. Undoing one adds a row as well. Each recounts what the item needs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import ReviewDecisionRow, ReviewEditRow, ReviewItemRow, ReviewLeaseRow
from store.errors import InvalidProblemError, ReviewAppliedError, ReviewTakenError, UnknownRecordError
from store.records import (
    EditedSolution,
    ExecutionRecord,
    ReviewDecision,
    ReviewKind,
    ReviewState,
    ReviewVerdict,
    is_text,
)
from store.reviews.items import decisions_in_effect, in_effect, require_item
from store.reviews.leases import release, why_taken
from store.reviews.scores import CONFLICT
from store.reviews.settlement import WITH_THIRD, settle
from store.rollouts.excluded import include_solutions
from store.rollouts.pools import rebuild


@dataclass(frozen=True, slots=True)
class NewDecision:
    """A decision to store. `key` makes a repeated one known: the token of its page, or a random one of an import."""

    key: str
    item_id: int
    reviewer: str
    verdict: ReviewVerdict
    note: str = ""
    edit: EditedSolution | None = None
    source: str = "page"


def decide(session: Session, new: NewDecision, now: float) -> ReviewDecision:
    """Store a decision, and settle the item if it is the last one needed. A repeated one changes nothing.

    Raises:
        UnknownRecordError: there is no such item.
        InvalidProblemError: the decision has no reviewer, or is none on an item of its kind.
        ReviewTakenError: this reviewer decided otherwise before, the item is settled, or others have its slots.
    """
    _check_texts(new)
    row = require_item(session, new.item_id, lock=True)
    known = session.scalar(select(ReviewDecisionRow).where(ReviewDecisionRow.key == new.key))
    if known is not None:
        if (known.item_id, known.reviewer, known.verdict) == (new.item_id, new.reviewer, new.verdict):
            return to_decision(known)
        raise ReviewTakenError(why_taken(session, row, new.reviewer))
    _check_verdict(row, new)
    if not _has_slot(session, row, new, now):
        raise ReviewTakenError(why_taken(session, row, new.reviewer))
    decision = ReviewDecisionRow(
        item_id=row.id,
        reviewer=new.reviewer,
        verdict=new.verdict,
        note=new.note,
        edit=None if new.edit is None else asdict(new.edit),
        key=new.key,
        source=new.source,
        decided_at=now,
    )
    session.add(decision)
    session.flush()
    release(session, new.key)
    _recount(session, row, now)
    return to_decision(decision)


def undo(session: Session, reviewer: str, decision_id: int, now: float, undo_s: float) -> ReviewDecision:
    """Take back a decision of this reviewer and return it. Undoing it again changes nothing.

    Raises:
        UnknownRecordError: this reviewer made no such decision.
        ReviewAppliedError: it corrected a label, or an edited solution is stored: these stay.
    """
    found = session.get(ReviewDecisionRow, decision_id)
    if found is None or found.reviewer != reviewer or found.verdict is ReviewVerdict.UNDO:
        raise UnknownRecordError(f"there is no decision {decision_id} of {reviewer!r} to undo")
    row = require_item(session, found.item_id, lock=True)
    if found not in decisions_in_effect(session, row.id):
        return to_decision(found)
    _revert(session, row, now, undo_s)
    session.add(
        ReviewDecisionRow(
            item_id=row.id,
            reviewer=reviewer,
            verdict=ReviewVerdict.UNDO,
            note="",
            undoes=found.id,
            key=f"undo-{found.id}",
            source="page",
            decided_at=now,
        )
    )
    session.flush()
    _recount(session, row, now)
    return to_decision(found)


def last_in_effect(session: Session, reviewer: str) -> ReviewDecision | None:
    """The latest decision of a reviewer that was not undone; None if there is none."""
    query = select(ReviewDecisionRow).where(ReviewDecisionRow.reviewer == reviewer, in_effect())
    found = session.scalar(query.order_by(ReviewDecisionRow.id.desc()).limit(1))
    return None if found is None else to_decision(found)


def read_decisions(
    session: Session, *, reviewer: str | None = None, item_id: int | None = None, limit: int | None = None
) -> list[ReviewDecision]:
    """Decisions and their undoing, the latest first."""
    query = select(ReviewDecisionRow).order_by(ReviewDecisionRow.id.desc()).limit(limit)
    if reviewer is not None:
        query = query.where(ReviewDecisionRow.reviewer == reviewer)
    if item_id is not None:
        query = query.where(ReviewDecisionRow.item_id == item_id)
    return [to_decision(row) for row in session.scalars(query)]


def read_reviewers(session: Session) -> list[str]:
    """The names of all who decided on anything, in order."""
    names = select(ReviewDecisionRow.reviewer).distinct().order_by(ReviewDecisionRow.reviewer)
    return list(session.scalars(names))


def to_decision(row: ReviewDecisionRow) -> ReviewDecision:
    """The record of a row."""
    return ReviewDecision(
        id=row.id,
        item_id=row.item_id,
        reviewer=row.reviewer,
        verdict=row.verdict,
        note=row.note,
        decided_at=row.decided_at,
        edit=None if row.edit is None else _to_edit(row.edit),
        undoes=row.undoes,
        source=row.source,
    )


def _to_edit(edit: dict[str, Any]) -> EditedSolution:
    turns = [(text, output) for text, output in edit["turns"]]
    executions = [ExecutionRecord(**one) for one in edit["executions"]]
    return EditedSolution(edit["text"], turns, executions, edit["answer"], edit["rollout_id"])


def _check_texts(new: NewDecision) -> None:
    if not new.reviewer.strip():
        raise InvalidProblemError("a decision needs the name of its reviewer")
    if not (is_text(new.reviewer) and is_text(new.note)):
        raise InvalidProblemError("the name or the note has a character that cannot be stored")


def _check_verdict(row: ReviewItemRow, new: NewDecision) -> None:
    is_edit = new.verdict is ReviewVerdict.EDIT
    if new.verdict is ReviewVerdict.UNDO or is_edit != (new.edit is not None):
        raise InvalidProblemError(f"{new.verdict.value!r} is no decision, or its edited solution is missing")
    if is_edit and row.kind is not ReviewKind.SOLUTION:
        raise InvalidProblemError("only solutions can be edited")


def _has_slot(session: Session, row: ReviewItemRow, new: NewDecision, now: float) -> bool:
    if row.state is not ReviewState.OPEN:
        return False
    if any(one.reviewer == new.reviewer for one in decisions_in_effect(session, row.id)):
        return False
    others = ReviewLeaseRow.item_id == row.id, ReviewLeaseRow.expires_at > now, ReviewLeaseRow.token != new.key
    held = session.scalar(select(func.count()).select_from(ReviewLeaseRow).where(*others)) or 0
    return row.decided + held < row.needed


def _recount(session: Session, row: ReviewItemRow, now: float) -> None:
    """Set what the decisions in effect mean for their item."""
    decisions: Sequence[ReviewDecisionRow] = decisions_in_effect(session, row.id)
    settlement = settle([one.verdict for one in decisions])
    row.decided, row.needed, row.verdict = len(decisions), settlement.needed, settlement.verdict
    row.state = ReviewState.OPEN if settlement.verdict is None else ReviewState.SETTLED
    row.settled_at = None if settlement.verdict is None else now
    row.applied_at, row.effect = None, None
    row.disagreement = row.disagreement % CONFLICT + (CONFLICT if settlement.needed == WITH_THIRD else 0)
    session.flush()


def _revert(session: Session, row: ReviewItemRow, now: float, undo_s: float) -> None:
    """Take back what followed from the decisions on an item, before one of them is undone."""
    if row.state is ReviewState.WITHDRAWN:
        raise ReviewAppliedError("This item was withdrawn: its question is decided elsewhere.")
    if row.settled_at is None:
        return
    if row.kind is ReviewKind.LABEL and row.verdict is not ReviewVerdict.UNSURE and now >= row.settled_at + undo_s:
        raise ReviewAppliedError("The label is decided by now. `automathes problems audit` can propose another change.")
    edits = select(ReviewEditRow).join(ReviewDecisionRow, ReviewDecisionRow.id == ReviewEditRow.decision_id)
    if session.scalar(edits.where(ReviewDecisionRow.item_id == row.id).limit(1)) is not None:
        raise ReviewAppliedError("The edited solution is stored as a demonstration by now.")
    if row.applied_at is not None and row.kind is ReviewKind.SOLUTION:
        include_solutions(session, row.id)
        rebuild(session, [row.problem_id])
