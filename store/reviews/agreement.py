"""How often two reviewers decided which way on the same items. The database counts; `eval.agreement` computes."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from store.database.tables import ReviewDecisionRow, ReviewItemRow
from store.records import PairCount
from store.reviews.items import in_effect


def pair_counts(session: Session) -> list[PairCount]:
    """The counts of each pair of reviewers, in the order of their names, by kind and verdicts."""
    first, second = aliased(ReviewDecisionRow), aliased(ReviewDecisionRow)
    by = ReviewItemRow.kind, first.reviewer, second.reviewer, first.verdict, second.verdict
    query = select(*by, func.count()).select_from(first).join(second, second.item_id == first.item_id)
    query = query.join(ReviewItemRow, ReviewItemRow.id == first.item_id)
    query = query.where(first.reviewer < second.reviewer, in_effect(first), in_effect(second))
    return sorted(PairCount(*row) for row in session.execute(query.group_by(*by)))
