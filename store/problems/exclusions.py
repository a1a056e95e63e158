"""The list of problems that are not trained on because they are like a held-out one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.bulk import BATCH
from store.database.tables import ExclusionRow
from store.problems.rows import insert_or_keep
from store.records import Exclusion, Problem

GENERATED = "reasoning_gym/"
"""How the sources of generated problems begin. Those differ in their numbers by design: two of them are the same
problem if their keys are the same, however alike they read.
"""


class Nearest(NamedTuple):
    """The held-out problem that a problem is most like, and the similarity of their questions, up to 1."""

    heldout_id: str
    similarity: float


def is_generated(source: str) -> bool:
    """Whether problems of a source are generated."""
    return source.startswith(GENERATED)


def insert_exclusions(
    session: Session, problems: Sequence[Problem], nearest: Mapping[str, Nearest], import_id: int
) -> None:
    """Lists problems, with what they are like by their `split_key`. What an earlier import listed stays as it is."""
    rows = [
        {
            "split_key": problem.split_key,
            "import_id": import_id,
            "source": problem.source,
            "question": problem.question,
            "answer": problem.answer,
            "heldout_id": nearest[problem.split_key].heldout_id,
            "similarity": nearest[problem.split_key].similarity,
        }
        for problem in problems
    ]
    if rows:
        session.execute(insert_or_keep(session, ExclusionRow, ExclusionRow.split_key), rows)


def count_exclusions(session: Session) -> int:
    """How many are listed."""
    return session.scalar(select(func.count()).select_from(ExclusionRow)) or 0


def read_exclusions(session: Session, limit: int | None) -> Iterator[Exclusion]:
    """Streams the list, the latest import first."""
    query = select(ExclusionRow).order_by(ExclusionRow.import_id.desc(), ExclusionRow.split_key).limit(limit)
    for row in session.scalars(query.execution_options(yield_per=BATCH)):
        yield Exclusion(row.question, row.answer, row.source, row.heldout_id, row.similarity)
