"""Candidates: derived problems whose answers are not confirmed yet, page by page, and their confirmation."""

from collections.abc import Collection
from itertools import batched

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ProblemRow
from store.problems.queries import PROBLEM_COLUMNS
from store.problems.row_locks import lock_problems
from store.records import Problem, Split


def candidates_after(
    session: Session, after: tuple[int, str] | None, limit: int
) -> tuple[list[Problem], tuple[int, str] | None]:
    """The next candidates in their random order, and the position of the last; None at the end."""
    place = ProblemRow.shuffle_key, ProblemRow.id
    query = select(ProblemRow.shuffle_key, *PROBLEM_COLUMNS).where(ProblemRow.split == Split.CANDIDATE)
    if after is not None:
        query = query.where(tuple_(*place) > tuple_(*after))
    rows = session.execute(query.order_by(*place).limit(limit)).all()
    problems = [Problem(*row[1:]) for row in rows]
    return problems, (rows[-1][0], problems[-1].id) if rows else None


def confirm(session: Session, problem_ids: Collection[str]) -> int:
    """Make candidates training problems; returns how many were. One that was excluded meanwhile stays excluded."""
    lock_problems(session, problem_ids)
    confirmed = 0
    for batch in batched(sorted(problem_ids), BATCH):
        of_batch = in_array(ProblemRow.id, batch), ProblemRow.split == Split.CANDIDATE
        statement = update(ProblemRow).where(*of_batch).values(split=Split.TRAIN).returning(ProblemRow.id)
        confirmed += len(session.scalars(statement, execution_options={"synchronize_session": False}).all())
    return confirmed
