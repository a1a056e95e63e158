"""Imports: all problems or none, and no training problem that is a duplicate or near-duplicate of a held-out one.

Derived problems come last, when the side of their parents is known (`families.py`).

Problems are spooled to a file first, with the bands by which similar ones are found. The transaction only moves them
into the store, so that it does not block writers of rollouts while a source is read and hashed.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from itertools import batched
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.locks import AdvisoryLock, acquire
from store.database.tables import ImportRow, ProblemRow, table
from store.problems.exclusions import Nearest, count_twins, delete_exclusions, insert_exclusions
from store.problems.families import add_derived, exclude_families, families_of
from store.problems.heldout_index import Bands, Measured, index_missing, index_new, measure, nearest_heldout
from store.problems.queries import check_ids, check_texts, insert_new
from store.problems.withdrawal import count_trained_on, hold_out, withdraw_similar
from store.records import ImportPreview, ImportReport, PreviewedProblem, Problem, Split

DERIVED = "derived"
_STEPS = (Split.HELDOUT.value, Split.TRAIN.value, DERIVED)


class Spool:
    """Problems that were read but not stored yet, on disk.

    There is one file for each of the held-out ones, which go first, the other originals, and the derived ones, which
    need their parents.
    """

    def __init__(self) -> None:
        self._files = {step: tempfile.TemporaryFile("w+", encoding="utf-8") for step in _STEPS}  # noqa: SIM115
        self.read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def fill(self, problems: Iterable[Problem]) -> None:
        """Write all problems to the spool. Raises `InvalidProblemError` for an empty question, answer, id or key."""
        for problem in problems:
            check_texts(problem)
            line = [astuple(problem), measure(problem)]
            step = problem.split.value if problem.parent_key is None else DERIVED
            self._files[step].write(json.dumps(line) + "\n")
            self.read += 1

    def problems(self, step: str) -> Iterator[Measured]:
        """Stream the originals of a split, or the derived problems, in the order in which they were read."""
        file = self._files[step]
        file.seek(0)
        for line in file:
            fields, found = json.loads(line)
            problem = Problem(*fields)
            yield Measured(replace(problem, split=Split(problem.split)), Bands(*found))


def store_spool(session: Session, spool: Spool, name: str, now: float) -> ImportReport:
    """Move the spooled problems into the store. The caller's transaction makes it all or nothing.

    Raises:
        InvalidProblemError: two different problems share an id.
    """
    # Two imports in different orders would deadlock on each other's rows.
    acquire(session.connection(), AdvisoryLock.IMPORT)
    row = ImportRow(name=name, read=spool.read, added=0, known=0, left_out=0, twins=0, imported_at=now)
    session.add(row)
    session.flush()
    heldout, withdrawn = _add_heldout(session, spool.problems(Split.HELDOUT), row.id)
    index_missing(session)
    counts = [_add_training(session, batch, row.id) for batch in batched(spool.problems(Split.TRAIN), BATCH)]
    train, left_out, row.twins = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    derived = [add_derived(session, batch, row.id) for batch in batched(spool.problems(DERIVED), BATCH)]
    train, left_out = train + sum(one.added for one in derived), left_out + sum(one.left_out for one in derived)
    row.twins += sum(one.twins for one in derived)
    orphans = sum(one.orphans for one in derived)
    row.added, row.left_out = heldout + train, left_out
    row.known = spool.read - row.added - left_out - orphans
    leaving = withdrawn.problem_ids.union(*(one.withdrawn for one in derived))
    return ImportReport(
        read=spool.read,
        train=train,
        heldout=heldout,
        known=row.known,
        left_out=left_out,
        withdrawn=len(leaving),
        learned=count_trained_on(session, leaving),
        twins=row.twins,
        withdrawn_twins=withdrawn.twins,
        relatives=withdrawn.relatives + sum(one.relatives for one in derived),
        orphans=orphans,
    )


def preview_spool(session: Session, spool: Spool, first: Sequence[Problem], now: float) -> ImportPreview:
    """`store_spool`, and what becomes of the first problems. The caller rolls back."""
    known = _stored_splits(session, first)
    report = store_spool(session, spool, "", now)
    stored = {key: split for key, (_, split) in _stored_splits(session, first).items()}
    previewed = [
        PreviewedProblem(problem, stored.get(problem.split_key, Split.EXCLUDED), problem.split_key in known)
        for problem in first
    ]
    return ImportPreview(report, tuple(previewed))


class _Withdrawn(NamedTuple):
    """The ids of withdrawn problems, and how many of them are template twins, and relatives."""

    problem_ids: set[str]
    twins: int
    relatives: int


def _add_heldout(session: Session, spooled: Iterable[Measured], import_id: int) -> tuple[int, _Withdrawn]:
    """(number of problems added, stored problems that these withdraw from training)."""
    new: list[str] = []
    now_heldout: set[str] = set()
    for batch in batched(spooled, BATCH):
        problems = [item.problem for item in batch]
        check_ids(session, problems)
        stored = _stored_splits(session, problems).values()
        now_heldout |= {problem_id for problem_id, split in stored if split is not Split.HELDOUT}
        _take_labels(session, problems)
        added = insert_new(session, problems)
        bands_by_id = {item.problem.id: item.bands for item in batch}
        index_new(session, {problem_id: bands_by_id[problem_id] for problem_id in added})
        new += added
    hold_out(session, now_heldout)
    similar, twins = withdraw_similar(session, [*new, *sorted(now_heldout)], import_id)
    relatives = exclude_families(session, families_of(session, now_heldout | similar), import_id)
    return len(new), _Withdrawn(now_heldout | similar | relatives, twins, len(relatives))


def _take_labels(session: Session, heldout: Sequence[Problem]) -> None:
    """Give derived problems that become held out the labels of the data set: their own may not be confirmed."""
    rows = table(ProblemRow)
    derived = rows.c.split_key == bindparam("key"), rows.c.made_by.is_not(None), rows.c.split != Split.HELDOUT
    statement = update(rows).where(*derived).values(answer=bindparam("label"))
    session.execute(statement, [{"key": one.split_key, "label": one.answer} for one in heldout])


def _add_training(session: Session, spooled: Sequence[Measured], import_id: int) -> tuple[int, int, int]:
    """(number of problems added, number excluded, the template twins among those)."""
    batch = [item.problem for item in spooled]
    check_ids(session, batch)
    stored = _stored_splits(session, batch)
    new = [item for item in spooled if item.problem.split_key not in stored]
    nearest = nearest_heldout(session, new)
    for problem in batch:
        heldout_id, split = stored.get(problem.split_key, ("", Split.TRAIN))
        if split is Split.HELDOUT:
            nearest[problem.split_key] = Nearest(heldout_id, 1.0)
    excluded = [problem for problem in batch if problem.split_key in nearest]
    insert_exclusions(session, excluded, nearest, import_id)
    kept = [item.problem for item in new if item.problem.split_key not in nearest]
    delete_exclusions(session, kept)
    added = insert_new(session, kept)
    return len(added), len(excluded), count_twins(nearest[problem.split_key] for problem in excluded)


def _stored_splits(session: Session, batch: Sequence[Problem]) -> dict[str, tuple[str, Split]]:
    """(id, split) of the stored problems with the same split keys, by split key."""
    keys = {problem.split_key for problem in batch}
    query = select(ProblemRow.split_key, ProblemRow.id, ProblemRow.split).where(in_array(ProblemRow.split_key, keys))
    return {key: (problem_id, split) for key, problem_id, split in session.execute(query)}
