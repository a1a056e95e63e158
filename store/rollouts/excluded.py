"""Solutions that people rejected: attempts that are the same have no place in a pool, whenever they are written."""

from collections.abc import Iterable
from itertools import batched

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ExcludedSolutionRow, RolloutRow
from store.rollouts.variants import SolutionKey

ExcludedSolutions = frozenset[tuple[str, SolutionKey]]
"""(Problem, solution) of those that are excluded."""


def find_excluded(session: Session, problem_ids: Iterable[str]) -> ExcludedSolutions:
    """The excluded solutions of these problems."""
    columns = ExcludedSolutionRow.problem_id, ExcludedSolutionRow.sketch, ExcludedSolutionRow.variant
    return frozenset(
        (problem_id, SolutionKey(bytes(sketch), variant))
        for batch in batched(sorted(set(problem_ids)), BATCH)
        for problem_id, sketch, variant in session.execute(
            select(*columns).where(in_array(ExcludedSolutionRow.problem_id, batch))
        )
    )


def is_excluded() -> ColumnElement[bool]:
    """The condition of a query that a rollout's solution is excluded."""
    same = (
        ExcludedSolutionRow.problem_id == RolloutRow.problem_id,
        ExcludedSolutionRow.sketch == RolloutRow.sketch,
        ExcludedSolutionRow.variant == RolloutRow.variant,
    )
    return select(ExcludedSolutionRow.item_id).where(*same).correlate(RolloutRow).exists()


def exclude_solution(session: Session, seq: int, item_id: int) -> None:
    """Exclude the solution of a rollout, on behalf of a review. The caller rebuilds the problem's pools."""
    query = select(RolloutRow.problem_id, RolloutRow.sketch, RolloutRow.variant).where(RolloutRow.seq == seq)
    problem_id, sketch, variant = session.execute(query).one()
    if session.get(ExcludedSolutionRow, (problem_id, sketch, variant)) is None:
        session.add(ExcludedSolutionRow(problem_id=problem_id, sketch=sketch, variant=variant, item_id=item_id))
        session.flush()


def include_solutions(session: Session, item_id: int) -> None:
    """Take back what was excluded on behalf of a review. The caller rebuilds the problem's pools."""
    session.execute(delete(ExcludedSolutionRow).where(ExcludedSolutionRow.item_id == item_id))
    session.flush()
