"""Exclusions: problems that are not trained on because they are similar to a held-out one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ExclusionRow
from store.problems.queries import insert_or_keep
from store.records import Exclusion, ExclusionKind, Problem

GENERATED = "reasoning_gym/"
"""Prefix of the sources of generated problems. These differ only in their numbers by design: two of them are the same
problem only if their keys are equal, however similar their wording is.
"""


class Nearest(NamedTuple):
    """The held-out problem that is most similar to a problem, and the similarity of their questions, up to 1."""

    heldout_id: str
    similarity: float
    kind: ExclusionKind = ExclusionKind.NEAR_DUPLICATE


def is_generated(source: str) -> bool:
    """Whether the problems of a source are generated."""
    return source.startswith(GENERATED)


def trains_twins(problem: Problem) -> bool:
    """Whether a problem is not compared by its template: generated ones are all twins of one another."""
    return problem.template_twins == "train" or is_generated(problem.source)


def count_twins(nearest: Iterable[Nearest]) -> int:
    """The number of template twins among exclusions."""
    return sum(found.kind is ExclusionKind.TEMPLATE_TWIN for found in nearest)


def insert_exclusions(
    session: Session, problems: Sequence[Problem], nearest: Mapping[str, Nearest], import_id: int
) -> None:
    """Add problems to the list; `nearest` is by `split_key`. Entries of earlier imports stay unchanged."""
    rows = [
        {
            "split_key": problem.split_key,
            "import_id": import_id,
            "source": problem.source,
            "question": problem.question,
            "answer": problem.answer,
            "heldout_id": nearest[problem.split_key].heldout_id,
            "similarity": nearest[problem.split_key].similarity,
            "kind": nearest[problem.split_key].kind,
        }
        for problem in problems
    ]
    if rows:
        session.execute(insert_or_keep(session, ExclusionRow, ExclusionRow.split_key), rows)


def delete_exclusions(session: Session, problems: Sequence[Problem]) -> None:
    """Remove problems from the list, which are now trained on: the settings of a later import allow it."""
    keys = {problem.split_key for problem in problems}
    session.execute(delete(ExclusionRow).where(in_array(ExclusionRow.split_key, keys)))


def count_exclusions(session: Session) -> int:
    """The length of the list."""
    return session.scalar(select(func.count()).select_from(ExclusionRow)) or 0


def read_exclusions(session: Session, limit: int | None) -> Iterator[Exclusion]:
    """Stream the list, latest import first."""
    query = select(ExclusionRow).order_by(ExclusionRow.import_id.desc(), ExclusionRow.split_key).limit(limit)
    for row in session.scalars(query.execution_options(yield_per=BATCH)):
        yield Exclusion(row.question, row.answer, row.source, row.heldout_id, row.similarity, _kind(row))


def _kind(row: ExclusionRow) -> ExclusionKind:
    return row.kind or ExclusionKind.NEAR_DUPLICATE
