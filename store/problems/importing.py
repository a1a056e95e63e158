"""Imports: all of their problems or none, and no training problem that a held-out one equals or nearly equals.

Problems stream into a file first, with the keys by which like ones are found; the transaction only moves them, so that
writers of rollouts wait for as long as that takes, and not for as long as a source takes to read and to compare.
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
from store.problems.rows import check_ids, check_texts, insert_new
from store.problems.similarity import NEAR, Shingles, bands, shingles, similarity
from store.problems.withdrawal import count_learned, hold_out, withdraw_like
from store.records import ImportReport, Problem, Split


class Spooled(NamedTuple):
    """A problem that was read, and the bands of its question (see `store.problems.similarity`)."""

    problem: Problem
    bands: list[int]


class Spool:
    """Problems that were read and are not stored yet, on the disk; held-out ones apart, because they go first."""

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
        """Reads them all. Raises `InvalidProblemError` at an empty question, answer, id or key."""
        for problem in problems:
            check_texts(problem)
            line = [astuple(problem), bands(shingles(problem.question))]
            self._files[problem.split].write(json.dumps(line) + "\n")
            self.read += 1

    def problems(self, split: Split) -> Iterator[Spooled]:
        """Those of one side, in the order in which they came."""
        file = self._files[split]
        file.seek(0)
        for line in file:
            fields, keys = json.loads(line)
            yield Spooled(replace(Problem(*fields), split=split), keys)


def store_spool(session: Session, spool: Spool, name: str, now: float) -> ImportReport:
    """Moves what was read into the store. The caller's transaction makes it all or nothing.

    Raises:
        InvalidProblemError: an id that another problem has.
    """
    acquire(
        session.connection(), AdvisoryLock.IMPORT
    )  # two imports in different orders would wait for each other's rows
    row = ImportRow(name=name, read=spool.read, added=0, known=0, left_out=0, imported_at=now)
    session.add(row)
    session.flush()
    heldout, withdrawn = _add_heldout(session, spool.problems(Split.HELDOUT), row.id)
    _index_heldout(session)
    sides = [_add_training(session, batch, row.id) for batch in batched(spool.problems(Split.TRAIN), BATCH)]
    train, left_out = sum(added for added, _ in sides), sum(left for _, left in sides)
    row.added, row.left_out = heldout + train, left_out
    row.known = spool.read - row.added - left_out
    return ImportReport(
        read=spool.read,
        train=train,
        heldout=heldout,
        known=row.known,
        left_out=left_out,
        withdrawn=len(withdrawn),
        learned=count_learned(session, withdrawn),
    )


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """What a new problem is compared with."""

    id: str
    source: str
    shingles: Shingles


def _add_heldout(session: Session, spooled: Iterable[Spooled], import_id: int) -> tuple[int, set[str]]:
    """(problems added, ids of those that are trained on no more because of these)."""
    new: list[str] = []
    moved: set[str] = set()
    for batch in batched(spooled, BATCH):
        problems = [one.problem for one in batch]
        check_ids(session, problems)
        stored = _stored_splits(session, problems).values()
        moved |= {problem_id for problem_id, split in stored if split is not Split.HELDOUT}
        added = insert_new(session, problems)
        known = {one.problem.id: one.bands for one in batch}
        _insert_bands(session, {problem_id: known[problem_id] for problem_id in added})
        new += added
    hold_out(session, moved)
    return len(new), moved | withdraw_like(session, [*new, *sorted(moved)], import_id)


def _index_heldout(session: Session) -> None:
    """Gives bands to the held-out problems that have none yet: those that were not held out, or in an older store."""
    query = select(ProblemRow.id, ProblemRow.question).where(ProblemRow.split == Split.HELDOUT)
    query = query.where(~exists().where(HeldOutBandRow.problem_id == ProblemRow.id))
    for batch in batched(session.execute(query).all(), BATCH):
        _insert_bands(session, {problem_id: bands(shingles(question)) for problem_id, question in batch})


def _insert_bands(session: Session, of: Mapping[str, Collection[int]]) -> None:
    rows = [{"band": band, "problem_id": problem_id} for problem_id, found in of.items() for band in set(found)]
    if rows:
        session.execute(insert(table(HeldOutBandRow)), rows)


def _add_training(session: Session, spooled: Sequence[Spooled], import_id: int) -> tuple[int, int]:
    """(problems added, problems left out)."""
    batch = [one.problem for one in spooled]
    check_ids(session, batch)
    stored = _stored_splits(session, batch)
    new = [one for one in spooled if one.problem.split_key not in stored]
    alike = _nearest_heldout(session, new)
    for problem in batch:
        heldout_id, split = stored.get(problem.split_key, ("", Split.TRAIN))
        if split is Split.HELDOUT:
            alike[problem.split_key] = Nearest(heldout_id, 1.0)
    left_out = [problem for problem in batch if problem.split_key in alike]
    insert_exclusions(session, left_out, alike, import_id)
    added = insert_new(session, [one.problem for one in new if one.problem.split_key not in alike])
    return len(added), len(left_out)


def _stored_splits(session: Session, batch: Sequence[Problem]) -> dict[str, tuple[str, Split]]:
    keys = {problem.split_key for problem in batch}
    query = select(ProblemRow.split_key, ProblemRow.id, ProblemRow.split).where(in_array(ProblemRow.split_key, keys))
    return {key: (problem_id, split) for key, problem_id, split in session.execute(query)}


def _nearest_heldout(session: Session, new: Sequence[Spooled]) -> dict[str, Nearest]:
    """The held-out problem that each is like, by split key, for those that are nearly equal to one."""
    if not session.scalar(select(func.count()).select_from(select(HeldOutBandRow.band).limit(1).subquery())):
        return {}
    by_band: dict[int, list[Problem]] = defaultdict(list)
    for problem, keys in new:
        for band in keys:
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
    """(band, held-out problem) of all that share one of these bands."""
    known: dict[str, _HeldOut] = {}
    query = select(HeldOutBandRow.band, ProblemRow.id, ProblemRow.source, ProblemRow.question)
    query = query.join(ProblemRow, ProblemRow.id == HeldOutBandRow.problem_id)
    for batch in batched(wanted, BATCH):
        for band, problem_id, source, question in session.execute(query.where(in_array(HeldOutBandRow.band, batch))):
            if problem_id not in known:
                known[problem_id] = _HeldOut(problem_id, source, shingles(question))
            yield band, known[problem_id]
