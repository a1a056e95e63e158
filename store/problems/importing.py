"""Imports: all problems or none, and no training problem that is a duplicate or near-duplicate of a held-out one.

Problems are spooled to a file first, with the bands by which similar ones are found. The transaction only moves them
into the store, so that it does not block writers of rollouts while a source is read and hashed.
"""

import json
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from itertools import batched
from types import TracebackType
from typing import NamedTuple, Self

from sqlalchemy import exists, func, insert, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.locks import AdvisoryLock, acquire
from store.database.tables import HeldOutBandRow, ImportRow, ProblemRow, table
from store.problems.exclusions import Nearest, insert_exclusions, is_generated
from store.problems.queries import check_ids, check_texts, insert_new
from store.problems.similarity import NEAR, Shingles, bands, shingles, similarity
from store.problems.withdrawal import count_trained_on, hold_out, withdraw_similar
from store.records import ImportReport, Problem, Split


class Spooled(NamedTuple):
    """A spooled problem, and the bands of its question (see `store.problems.similarity`)."""

    problem: Problem
    bands: list[int]


class Spool:
    """Problems that were read but not stored yet, on disk. One file per split, because held-out ones go first."""

    def __init__(self) -> None:
        self._files = {split: tempfile.TemporaryFile("w+", encoding="utf-8") for split in Split}  # noqa: SIM115
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
            line = [astuple(problem), bands(shingles(problem.question))]
            self._files[problem.split].write(json.dumps(line) + "\n")
            self.read += 1

    def problems(self, split: Split) -> Iterator[Spooled]:
        """Stream the problems of one split, in the order in which they were read."""
        file = self._files[split]
        file.seek(0)
        for line in file:
            fields, question_bands = json.loads(line)
            yield Spooled(replace(Problem(*fields), split=split), question_bands)


def store_spool(session: Session, spool: Spool, name: str, now: float) -> ImportReport:
    """Move the spooled problems into the store. The caller's transaction makes it all or nothing.

    Raises:
        InvalidProblemError: two different problems share an id.
    """
    # Two imports in different orders would deadlock on each other's rows.
    acquire(session.connection(), AdvisoryLock.IMPORT)
    row = ImportRow(name=name, read=spool.read, added=0, known=0, left_out=0, imported_at=now)
    session.add(row)
    session.flush()
    heldout, withdrawn = _add_heldout(session, spool.problems(Split.HELDOUT), row.id)
    _index_heldout(session)
    counts = [_add_training(session, batch, row.id) for batch in batched(spool.problems(Split.TRAIN), BATCH)]
    train, left_out = sum(added for added, _ in counts), sum(excluded for _, excluded in counts)
    row.added, row.left_out = heldout + train, left_out
    row.known = spool.read - row.added - left_out
    return ImportReport(
        read=spool.read,
        train=train,
        heldout=heldout,
        known=row.known,
        left_out=left_out,
        withdrawn=len(withdrawn),
        learned=count_trained_on(session, withdrawn),
    )


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """A held-out problem to compare new ones with."""

    id: str
    source: str
    shingles: Shingles


def _add_heldout(session: Session, spooled: Iterable[Spooled], import_id: int) -> tuple[int, set[str]]:
    """(number of problems added, ids of stored problems that these withdraw from training)."""
    new: list[str] = []
    now_heldout: set[str] = set()
    for batch in batched(spooled, BATCH):
        problems = [item.problem for item in batch]
        check_ids(session, problems)
        stored = _stored_splits(session, problems).values()
        now_heldout |= {problem_id for problem_id, split in stored if split is not Split.HELDOUT}
        added = insert_new(session, problems)
        bands_by_id = {item.problem.id: item.bands for item in batch}
        _insert_bands(session, {problem_id: bands_by_id[problem_id] for problem_id in added})
        new += added
    hold_out(session, now_heldout)
    return len(new), now_heldout | withdraw_similar(session, [*new, *sorted(now_heldout)], import_id)


def _index_heldout(session: Session) -> None:
    """Add the missing bands of held-out problems: of those that were not held out before, or of an older store."""
    query = select(ProblemRow.id, ProblemRow.question).where(ProblemRow.split == Split.HELDOUT)
    query = query.where(~exists().where(HeldOutBandRow.problem_id == ProblemRow.id))
    for batch in batched(session.execute(query).all(), BATCH):
        _insert_bands(session, {problem_id: bands(shingles(question)) for problem_id, question in batch})


def _insert_bands(session: Session, by_id: Mapping[str, Collection[int]]) -> None:
    rows = [{"band": band, "problem_id": problem_id} for problem_id, found in by_id.items() for band in set(found)]
    if rows:
        session.execute(insert(table(HeldOutBandRow)), rows)


def _add_training(session: Session, spooled: Sequence[Spooled], import_id: int) -> tuple[int, int]:
    """(number of problems added, number excluded)."""
    batch = [item.problem for item in spooled]
    check_ids(session, batch)
    stored = _stored_splits(session, batch)
    new = [item for item in spooled if item.problem.split_key not in stored]
    nearest = _nearest_heldout(session, new)
    for problem in batch:
        heldout_id, split = stored.get(problem.split_key, ("", Split.TRAIN))
        if split is Split.HELDOUT:
            nearest[problem.split_key] = Nearest(heldout_id, 1.0)
    excluded = [problem for problem in batch if problem.split_key in nearest]
    insert_exclusions(session, excluded, nearest, import_id)
    added = insert_new(session, [item.problem for item in new if item.problem.split_key not in nearest])
    return len(added), len(excluded)


def _stored_splits(session: Session, batch: Sequence[Problem]) -> dict[str, tuple[str, Split]]:
    """(id, split) of the stored problems with the same split keys, by split key."""
    keys = {problem.split_key for problem in batch}
    query = select(ProblemRow.split_key, ProblemRow.id, ProblemRow.split).where(in_array(ProblemRow.split_key, keys))
    return {key: (problem_id, split) for key, problem_id, split in session.execute(query)}


def _nearest_heldout(session: Session, new: Sequence[Spooled]) -> dict[str, Nearest]:
    """The most similar held-out problem by split key, for those problems that are near-duplicates of one."""
    if not session.scalar(select(func.count()).select_from(select(HeldOutBandRow.band).limit(1).subquery())):
        return {}
    by_band: dict[int, list[Problem]] = defaultdict(list)
    for problem, question_bands in new:
        for band in question_bands:
            by_band[band].append(problem)
    nearest: dict[str, Nearest] = {}
    for band, heldout in _candidates(session, list(by_band)):
        for problem in by_band[band]:
            if is_generated(problem.source) and is_generated(heldout.source):
                continue
            key, found = problem.split_key, similarity(shingles(problem.question), heldout.shingles)
            if found >= max(NEAR, nearest[key].similarity if key in nearest else 0.0):
                nearest[key] = Nearest(heldout.id, found)
    return nearest


def _candidates(session: Session, wanted: Sequence[int]) -> Iterator[tuple[int, _HeldOut]]:
    """Stream (band, held-out problem) for all held-out problems in these bands."""
    loaded: dict[str, _HeldOut] = {}
    query = select(HeldOutBandRow.band, ProblemRow.id, ProblemRow.source, ProblemRow.question)
    query = query.join(ProblemRow, ProblemRow.id == HeldOutBandRow.problem_id)
    for batch in batched(wanted, BATCH):
        for band, problem_id, source, question in session.execute(query.where(in_array(HeldOutBandRow.band, batch))):
            if problem_id not in loaded:
                loaded[problem_id] = _HeldOut(problem_id, source, shingles(question))
            yield band, loaded[problem_id]
