"""Withdraws training problems from training when a similar held-out problem is imported after them.

Their rollouts stay, and so does the record of which policies were trained on them; later training sets omit them.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import NamedTuple

from sqlalchemy import distinct, exists, func, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import PolicyRow, ProblemRow, RolloutRow, TrainingSetRolloutRow
from store.problems.exclusions import GENERATED, Nearest, insert_exclusions, is_generated
from store.problems.queries import PROBLEM_COLUMNS, find_problems
from store.problems.row_locks import lock_problems
from store.problems.similarity import NEAR, shingles
from store.records import Problem, Split

_INDEXED = 20_000  # held-out questions that are held in memory at a time


def hold_out(session: Session, problem_ids: Collection[str]) -> None:
    """Make problems held out, whatever their split was."""
    _set_split(session, problem_ids, Split.HELDOUT)


def withdraw_similar(session: Session, heldout_ids: Sequence[str], import_id: int) -> set[str]:
    """Exclude all training problems that are near-duplicates of these held-out ones; returns their ids.

    Reads each training problem once, and compares it only with held-out problems that share a shingle with it.
    """
    withdrawn: set[str] = set()
    if not session.scalar(select(exists().where(ProblemRow.split == Split.TRAIN))):
        return withdrawn
    for batch in batched(heldout_ids, _INDEXED):
        index = _Index(find_problems(session, ProblemRow.id, batch))
        nearest: dict[str, Nearest] = {}
        problems: list[Problem] = []
        for problem in _training_problems(session, include_generated=not index.is_generated):
            found = index.nearest(problem)
            if found is not None:
                nearest[problem.split_key] = found
                problems.append(problem)
        insert_exclusions(session, problems, nearest, import_id)
        _set_split(session, [problem.id for problem in problems], Split.EXCLUDED)
        withdrawn.update(problem.id for problem in problems)
    return withdrawn


def count_trained_on(session: Session, problem_ids: Collection[str]) -> int:
    """The number of these problems that some policy was trained on."""
    trained = exists().where(
        TrainingSetRolloutRow.rollout_seq == RolloutRow.seq,
        TrainingSetRolloutRow.training_set_id == PolicyRow.training_set_id,
    )
    query = select(func.count(distinct(RolloutRow.problem_id))).where(trained)
    return sum(
        session.scalar(query.where(in_array(RolloutRow.problem_id, batch))) or 0
        for batch in batched(sorted(problem_ids), BATCH)
    )


class _HeldOut(NamedTuple):
    id: str
    source: str
    size: int  # in shingles


class _Index:
    """An inverted index from shingles to held-out problems."""

    def __init__(self, heldout: Iterable[Problem]) -> None:
        self._by_shingle: Mapping[int, list[_HeldOut]] = defaultdict(list)
        self.is_generated = True  # whether all of them are
        for problem in heldout:
            found = shingles(problem.question)
            self.is_generated = self.is_generated and is_generated(problem.source)
            for shingle in found:
                self._by_shingle[shingle].append(_HeldOut(problem.id, problem.source, len(found)))

    def nearest(self, problem: Problem) -> Nearest | None:
        """The most similar held-out problem, or None if there is no near-duplicate."""
        own = shingles(problem.question)
        common = Counter(heldout for shingle in own for heldout in self._by_shingle.get(shingle, ()))
        found = [
            Nearest(heldout.id, shared / (len(own) + heldout.size - shared))
            for heldout, shared in common.items()
            if not (is_generated(problem.source) and is_generated(heldout.source))
        ]
        best = max(found, key=lambda nearest: nearest.similarity, default=None)
        return best if best is not None and best.similarity >= NEAR else None


def _training_problems(session: Session, *, include_generated: bool) -> Iterator[Problem]:
    query = select(*PROBLEM_COLUMNS).where(ProblemRow.split == Split.TRAIN).order_by(ProblemRow.id)
    if not include_generated:
        query = query.where(~ProblemRow.source.startswith(GENERATED))
    for row in session.execute(query.execution_options(yield_per=BATCH)):
        yield Problem(*row)


def _set_split(session: Session, problem_ids: Collection[str], split: Split) -> None:
    lock_problems(session, problem_ids)  # in the same order as writers of rollouts, which lock them too
    for batch in batched(sorted(problem_ids), BATCH):
        statement = update(ProblemRow).where(in_array(ProblemRow.id, batch)).values(split=split)
        session.execute(statement, execution_options={"synchronize_session": False})
