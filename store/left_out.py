"""The list of problems that are not trained on because they are like a held-out one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.models import LeftOutRow
from store.problems import BATCH, insert_or_keep
from store.records import LeftOut, Problem

GENERATED = "reasoning_gym/"
"""How the sources of generated problems begin. Those differ in their numbers by design: two of them are the same
problem if their keys are the same, however alike they read.
"""


class Likest(NamedTuple):
    """The held-out problem that a problem is most like, and the likeness of their questions, up to 1."""

    heldout_id: str
    likeness: float


def is_generated(source: str) -> bool:
    """Whether problems of a source are generated."""
    return source.startswith(GENERATED)


def keep_left_out(session: Session, problems: Sequence[Problem], likest: Mapping[str, Likest], import_id: int) -> None:
    """Lists problems, with what they are like by their `split_key`. What an earlier import listed stays as it is."""
    rows = [
        {
            "split_key": problem.split_key,
            "import_id": import_id,
            "source": problem.source,
            "question": problem.question,
            "answer": problem.answer,
            "heldout_id": likest[problem.split_key].heldout_id,
            "likeness": likest[problem.split_key].likeness,
        }
        for problem in problems
    ]
    if rows:
        session.execute(insert_or_keep(session, LeftOutRow, LeftOutRow.split_key), rows)


def count_left_out(session: Session) -> int:
    """How many are listed."""
    return session.scalar(select(func.count()).select_from(LeftOutRow)) or 0


def read_left_out(session: Session, limit: int | None) -> Iterator[LeftOut]:
    """Streams the list, the latest import first."""
    query = select(LeftOutRow).order_by(LeftOutRow.import_id.desc(), LeftOutRow.split_key).limit(limit)
    for row in session.scalars(query.execution_options(yield_per=BATCH)):
        yield LeftOut(row.question, row.answer, row.source, row.heldout_id, row.likeness)
