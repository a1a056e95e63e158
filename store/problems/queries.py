"""Queries on the table of problems: reading, validating, inserting and ordering, inside a transaction."""

import hashlib
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import batched
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, cast, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import Base, ProblemRow, table
from store.errors import InvalidProblemError
from store.records import Problem, Split

ORDER_MODULUS = 2**31 - 1
"""Shuffle keys are below this prime."""

PROBLEM_COLUMNS = tuple(getattr(ProblemRow, field.name) for field in fields(Problem))
"""The columns of `Problem`, in the order of its fields. Cheaper than whole rows, which the session would track."""


UNATTEMPTED: Mapping[str, int] = dict.fromkeys(
    (
        "attempts",
        "judged",
        "accepted",
        "solutions",
        "mistakes",
        "demonstrations",
        "duplicates",
        "judged_tokens",
        "stale_judged",
        "stale_accepted",
    ),
    0,
)
"""The counters of a problem that nobody attempted yet."""


def problem_counts(session: Session) -> dict[str, int]:
    """The number of problems by split, zeros included but for candidates, which few stores have."""
    counts = {split.value: 0 for split in Split if split is not Split.CANDIDATE}
    for split, count in session.execute(select(ProblemRow.split, func.count()).group_by(ProblemRow.split)):
        counts[split.value] = count
    return counts


def iterate_problems(session: Session, split: Split | None, limit: int | None, source: str | None) -> Iterator[Problem]:
    """Stream problems in an order that is random and always the same."""
    query = select(*PROBLEM_COLUMNS).order_by(ProblemRow.shuffle_key, ProblemRow.id).limit(limit)
    if split is not None:
        query = query.where(ProblemRow.split == split)
    if source is not None:
        query = query.where(ProblemRow.source == source)
    for row in session.execute(query.execution_options(yield_per=BATCH)):
        yield Problem(*row)


def find_problems(session: Session, column: InstrumentedAttribute[str], values: Collection[str]) -> Iterator[Problem]:
    """The problems whose column has one of these values."""
    for batch in batched(values, BATCH):
        for row in session.execute(select(*PROBLEM_COLUMNS).where(in_array(column, batch))):
            yield Problem(*row)


def find_by_text(session: Session, text: str, limit: int) -> list[Problem]:
    """The first problems whose id or question contains a text. Reads all of them."""
    contains = or_(ProblemRow.id.contains(text, autoescape=True), ProblemRow.question.contains(text, autoescape=True))
    query = select(*PROBLEM_COLUMNS).where(contains).order_by(ProblemRow.id).limit(limit)
    return [Problem(*row) for row in session.execute(query)]


def sample_sources(session: Session, problems_per_split: int) -> list[str]:
    """The sources of a few random problems of each split, in order."""
    found: set[str] = set()
    for split in Split:
        sample = select(ProblemRow.source).where(ProblemRow.split == split).order_by(ProblemRow.shuffle_key)
        found.update(session.scalars(sample.limit(problems_per_split)))
    return sorted(found)


def shuffled(seed: int) -> ColumnElement[int]:
    """An ORDER BY that permutes problems by a seed, the same in every database.

    It is an affine map, modulo a prime, of the shuffle keys, which are hashes; the product stays below 2**62.
    """
    factor, shift = order_map(seed)
    return (cast(ProblemRow.shuffle_key, BigInteger) * factor + shift) % ORDER_MODULUS


def order_map(seed: int) -> tuple[int, int]:
    """The factor and the shift of the map by which a seed orders the problems."""
    rng = random.Random(f"order-{seed}")  # noqa: S311 - an order, not a secret
    return rng.randrange(1, ORDER_MODULUS), rng.randrange(ORDER_MODULUS)


def check_texts(problem: Problem) -> None:
    """Raise `InvalidProblemError` if a text is empty or cannot be stored, or if the split is not one to import."""
    if problem.split is Split.EXCLUDED:
        raise InvalidProblemError(f"problem {problem.id!r}: its split is excluded; import it as train or heldout")
    if problem.split is Split.CANDIDATE and problem.parent_key is None:
        raise InvalidProblemError(f"problem {problem.id!r}: a candidate is made of a training problem; name its parent")
    if problem.split is Split.HELDOUT and problem.parent_key is not None:
        raise InvalidProblemError(f"problem {problem.id!r}: a derived problem is not held out; import its parent")
    for name in ("id", "question", "answer", "split_key"):
        value = getattr(problem, name)
        if not value.strip():
            raise InvalidProblemError(f"problem {problem.id!r}: its {name} is empty")
        if "\0" in value:
            raise InvalidProblemError(f"problem {problem.id!r}: its {name} contains a NUL character; remove it")


def check_ids(session: Session, batch: Sequence[Problem]) -> None:
    """Raise `InvalidProblemError` if two different problems share an id, within the batch or with the store."""
    keys = {problem.id: problem.split_key for problem in reversed(batch)}
    stored = session.execute(select(ProblemRow.id, ProblemRow.split_key).where(in_array(ProblemRow.id, keys)))
    keys |= dict(stored.all())
    for problem in batch:
        if keys[problem.id] != problem.split_key:
            raise InvalidProblemError(
                f"two different problems have the id {problem.id!r} (the second from {problem.source}): "
                "give each a unique id, or none to have one generated"
            )


def insert_new(session: Session, batch: Sequence[Problem], families: Mapping[str, str] | None = None) -> list[str]:
    """Insert the problems whose `split_key` is new, with their families by `split_key`; returns their ids."""
    if not batch:
        return []
    statement = insert_or_keep(session, ProblemRow, ProblemRow.split_key).returning(ProblemRow.id)
    rows = [_row(problem) | {"family_key": (families or {}).get(problem.split_key)} for problem in batch]
    return list(session.scalars(statement, rows))


def insert_or_keep(session: Session, model: type[Base], key: InstrumentedAttribute[str]) -> Any:
    """An INSERT that keeps an existing row with the same key. Both dialects have the same method for it."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    return dialect.insert(table(model)).on_conflict_do_nothing(index_elements=[table(model).c[key.key]])


def _row(problem: Problem) -> dict[str, Any]:
    digest = hashlib.sha256(problem.id.encode()).digest()
    return {
        "id": problem.id,
        "question": problem.question,
        "answer": problem.answer,
        "source": problem.source,
        "split": problem.split,
        "split_key": problem.split_key,
        "subject": problem.subject,
        "level": problem.level,
        "template_twins": problem.template_twins,
        "parent_key": problem.parent_key,
        "made_by": problem.made_by,
        "shuffle_key": int.from_bytes(digest[:8]) % ORDER_MODULUS,
        **UNATTEMPTED,
    }
