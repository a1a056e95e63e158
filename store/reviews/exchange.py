"""Items with their content and history for other tools, and decisions that come back from these."""

import secrets
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import ProblemRow, ReviewDecisionRow, ReviewItemRow, ReviewRow, RolloutRow
from store.errors import ReviewAppliedError
from store.records import ImportedDecision, ReviewedItem, ReviewState, ReviewVerdict
from store.reviews.decisions import NewDecision, decide, read_decisions, undo
from store.reviews.items import decisions_in_effect, row_of_key, to_item
from store.rollouts.reading import read_rollouts

_PAGE = 100


def reviewed_items(session: Session, after: int) -> list[ReviewedItem]:
    """Up to a hundred items with ids above `after`, in the order of their ids, except those that were withdrawn."""
    query = select(ReviewItemRow, ProblemRow.question, ProblemRow.answer, ReviewRow.proposed_answer)
    query = query.join(ProblemRow, ProblemRow.id == ReviewItemRow.problem_id)
    query = query.outerjoin(ReviewRow, ReviewRow.id == ReviewItemRow.label_review_id)
    query = query.where(ReviewItemRow.id > after, ReviewItemRow.state != ReviewState.WITHDRAWN)
    rows = session.execute(query.order_by(ReviewItemRow.id).limit(_PAGE)).all()
    seqs = [row.rollout_seq for row, *_ in rows if row.rollout_seq is not None]
    rollouts = {rollout.id: rollout for rollout in read_rollouts(session, [in_array(RolloutRow.seq, seqs)])}
    return [
        ReviewedItem(
            to_item(row),
            question,
            label,
            proposed,
            rollouts.get(row.subject),
            read_decisions(session, item_id=row.id)[::-1],
        )
        for row, question, label, proposed in rows
    ]


def import_decisions(session: Session, imported: Iterable[ImportedDecision], source: str, now: float) -> Counter[str]:
    """Store decisions of another tool; returns how many were "added", "replaced", "unchanged", "settled" or "unknown".

    A reviewer's decision that differs from the one in effect replaces it. Those on items that were settled meanwhile,
    or that are not in the store, change nothing.

    Raises:
        InvalidProblemError: a decision has no reviewer, or is none. The transaction must be rolled back.
    """
    return Counter(_import(session, one, source, now) for one in imported)


def _import(session: Session, imported: ImportedDecision, source: str, now: float) -> str:
    row = row_of_key(session, imported.item_key, lock=True)
    if row is None:
        return "unknown"
    in_effect = decisions_in_effect(session, row.id)
    own = next((one for one in in_effect if one.reviewer == imported.reviewer), None)
    if own is not None and _is_known(own, imported):
        return "unchanged"
    if row.applied_at is not None or (own is None and row.state is not ReviewState.OPEN):
        return "settled"
    if own is not None:
        try:
            undo(session, imported.reviewer, own.id, now, undo_s=0.0)
        except ReviewAppliedError:
            return "settled"
    key = f"import-{secrets.token_hex(12)}"
    new = NewDecision(key, row.id, imported.reviewer, imported.verdict, imported.note, imported.edit, source)
    decide(session, new, now)
    return "added" if own is None else "replaced"


def _is_known(own: ReviewDecisionRow, imported: ImportedDecision) -> bool:
    """Whether a reviewer's decision says what is imported. An edit that comes back without its text is a rejection."""
    if own.edit is not None and imported.verdict is ReviewVerdict.REJECT:
        return True
    text = None if own.edit is None else own.edit["text"]
    return (own.verdict, own.note, text) == (imported.verdict, imported.note, imported.edit and imported.edit.text)
