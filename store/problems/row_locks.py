"""Row locks on problems. Transactions that change a problem's counters, pools or split hold them."""

from collections.abc import Iterable
from itertools import batched

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ProblemRow
from store.records import Pool

POOL_SIZES = {Pool.SOLUTION: "solutions", Pool.MISTAKE: "mistakes", Pool.DEMONSTRATION: "demonstrations"}
"""The column of `ProblemRow` that counts the members of each pool."""


def lock_problems(session: Session, problem_ids: Iterable[str]) -> dict[tuple[str, Pool], int]:
    """Lock the rows of problems until the transaction ends; returns their pool sizes by (problem, pool).

    Rows are locked in the order of their ids, so that two writers cannot deadlock.
    """
    sizes: dict[tuple[str, Pool], int] = {}
    for batch in batched(sorted(set(problem_ids)), BATCH):
        query = select(ProblemRow.id, ProblemRow.solutions, ProblemRow.mistakes, ProblemRow.demonstrations)
        query = query.where(in_array(ProblemRow.id, batch)).order_by(ProblemRow.id).with_for_update()
        for problem_id, *counts in session.execute(query):
            sizes |= {(problem_id, pool): count for pool, count in zip(POOL_SIZES, counts, strict=True)}
    return sizes
