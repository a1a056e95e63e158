"""Takes training problems out of training when a held-out problem that they are like is imported after them.

What was sampled for them stays, and so does the history of who learned from it; no later training set holds it.
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
from store.problems.row_locks import lock_problems
from store.problems.rows import PROBLEM_COLUMNS, find_problems
from store.problems.similarity import NEAR, shingles
from store.records import Problem, Split

_INDEXED = 20_000  # held-out questions that are held in memory at a time


def hold_out(session: Session, problem_ids: Collection[str]) -> None:
    """Puts problems on the held-out side, whatever side they were on."""
    _move(session, problem_ids, Split.HELDOUT)


def withdraw_like(session: Session, heldout_ids: Sequence[str], import_id: int) -> set[str]:
    """Excludes and lists all training problems that are nearly equal to one of these held-out ones; returns their ids.

    Reads every training problem once, and compares it with those alone that share a run of words with it.
    """
    withdrawn: set[str] = set()
    if not session.scalar(select(exists().where(ProblemRow.split == Split.TRAIN))):
        return withdrawn
    for batch in batched(heldout_ids, _INDEXED):
        index = _Index(find_problems(session, ProblemRow.id, batch))
        nearest: dict[str, Nearest] = {}
        problems: list[Problem] = []
        for problem in _training(session, generated_too=not index.is_generated):
            found = index.nearest(problem)
            if found is not None:
                nearest[problem.split_key] = found
                problems.append(problem)
        insert_exclusions(session, problems, nearest, import_id)
        _move(session, [problem.id for problem in problems], Split.EXCLUDED)
        withdrawn.update(problem.id for problem in problems)
    return withdrawn


def count_learned(session: Session, problem_ids: Collection[str]) -> int:
    """From how many of these problems some policy has learned."""
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
    """Held-out problems by the runs of words in their questions."""

    def __init__(self, heldout: Iterable[Problem]) -> None:
        self._by_shingle: Mapping[int, list[_HeldOut]] = defaultdict(list)
        self.is_generated = True  # all of them
        for problem in heldout:
            words = shingles(problem.question)
            self.is_generated = self.is_generated and is_generated(problem.source)
            for shingle in words:
                self._by_shingle[shingle].append(_HeldOut(problem.id, problem.source, len(words)))

    def nearest(self, problem: Problem) -> Nearest | None:
        """What the problem is most like, None if it is nearly equal to nothing."""
        words = shingles(problem.question)
        common = Counter(heldout for shingle in words for heldout in self._by_shingle.get(shingle, ()))
        found = [
            Nearest(heldout.id, shared / (len(words) + heldout.size - shared))
            for heldout, shared in common.items()
            if not (is_generated(problem.source) and is_generated(heldout.source))
        ]
        best = max(found, key=lambda one: one.similarity, default=None)
        return best if best is not None and best.similarity >= NEAR else None


def _training(session: Session, *, generated_too: bool) -> Iterator[Problem]:
    query = select(*PROBLEM_COLUMNS).where(ProblemRow.split == Split.TRAIN).order_by(ProblemRow.id)
    if not generated_too:
        query = query.where(~ProblemRow.source.startswith(GENERATED))
    for row in session.execute(query.execution_options(yield_per=BATCH)):
        yield Problem(*row)


def _move(session: Session, problem_ids: Collection[str], split: Split) -> None:
    lock_problems(session, problem_ids)  # in one order with writers of rollouts, who hold them too
    for batch in batched(sorted(problem_ids), BATCH):
        moved = update(ProblemRow).where(in_array(ProblemRow.id, batch)).values(split=split)
        session.execute(moved, execution_options={"synchronize_session": False})
