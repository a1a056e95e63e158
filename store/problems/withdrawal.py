"""Withdraws training problems from training when a similar held-out problem is imported after them.

Their rollouts stay, and so does the record of which policies were trained on them; later training sets omit them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import batched, chain
from typing import NamedTuple

from sqlalchemy import distinct, exists, func, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import PolicyRow, ProblemRow, RolloutRow, TrainingSetRolloutRow
from store.problems.exclusions import GENERATED, Nearest, count_twins, insert_exclusions, is_generated, trains_twins
from store.problems.queries import PROBLEM_COLUMNS, find_problems
from store.problems.row_locks import lock_problems
from store.problems.similarity import NEAR, TWIN, Shingles, shingles, similarity, template_shingles
from store.records import ExclusionKind, Problem, Split

TRAINABLE = (Split.TRAIN, Split.CANDIDATE)
"""The splits of problems that are trained on, or will be once their answers are confirmed."""

_INDEXED = 20_000  # held-out questions that are held in memory at a time
_EPSILON = 1e-9  # of a product of floats


def hold_out(session: Session, problem_ids: Collection[str]) -> None:
    """Make problems held out, whatever their split was."""
    set_split(session, problem_ids, Split.HELDOUT)


class Withdrawn(NamedTuple):
    """The ids of withdrawn problems, and how many of them are template twins."""

    problem_ids: set[str]
    twins: int


def withdraw_similar(session: Session, heldout_ids: Sequence[str], import_id: int) -> Withdrawn:
    """Exclude all training problems that are near-duplicates or template twins of these held-out ones.

    Reads each training problem once, and compares it only with held-out problems that share a shingle with it.
    """
    withdrawn: set[str] = set()
    twins = 0
    if not session.scalar(select(exists().where(ProblemRow.split.in_(TRAINABLE)))):
        return Withdrawn(withdrawn, twins)
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
        set_split(session, [problem.id for problem in problems], Split.EXCLUDED)
        withdrawn.update(problem.id for problem in problems)
        twins += count_twins(nearest.values())
    return Withdrawn(withdrawn, twins)


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
    is_generated: bool
    shingles: Shingles


class _Index:
    """Inverted indexes from shingles to held-out problems: of their questions, and of their templates."""

    def __init__(self, heldout: Iterable[Problem]) -> None:
        self._questions, self._templates = _InvertedIndex(NEAR), _InvertedIndex(TWIN)
        self.is_generated = True  # whether all of them are
        for problem in heldout:
            self.is_generated = self.is_generated and is_generated(problem.source)
            self._questions.add(problem, shingles(problem.question))
            if not trains_twins(problem):
                self._templates.add_once(problem, template_shingles(problem.question))

    def nearest(self, problem: Problem) -> Nearest | None:
        """The most similar held-out problem, or None if there is neither a near-duplicate nor a template twin."""
        found = self._questions.nearest(problem, shingles(problem.question))
        if found is not None or trains_twins(problem):
            return found
        twin = self._templates.nearest(problem, template_shingles(problem.question))
        return twin and twin._replace(kind=ExclusionKind.TEMPLATE_TWIN)


class _InvertedIndex:
    """Held-out problems by shingle. Two sets of shingles are similar from `threshold` on."""

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._heldout: list[_HeldOut] = []
        self._by_shingle: Mapping[int, list[int]] = defaultdict(list)  # positions in the list
        self._known: set[Shingles] = set()

    def add(self, problem: Problem, found: Shingles) -> None:
        for shingle in found:
            self._by_shingle[shingle].append(len(self._heldout))
        self._heldout.append(_HeldOut(problem.id, is_generated(problem.source), found))

    def add_once(self, problem: Problem, found: Shingles) -> None:
        """`add`, unless a problem with the same shingles is there: a template may have thousands of problems."""
        if found not in self._known:
            self._known.add(found)
            self.add(problem, found)

    def nearest(self, problem: Problem, own: Shingles) -> Nearest | None:
        """The most similar problem, or None if there is none; not a generated one for a generated one.

        Similar sets share at least the threshold's part of the smaller one. So one of its shingles in excess of the
        rest is shared, whichever these are: the rarest are looked up.
        """
        generated = is_generated(problem.source)
        lists = sorted((self._by_shingle.get(shingle, ()) for shingle in own), key=len)
        best: Nearest | None = None
        for position in set(chain.from_iterable(lists[: int((1 - self._threshold) * len(own) + _EPSILON) + 1])):
            heldout = self._heldout[position]
            if generated and heldout.is_generated:
                continue
            found = similarity(own, heldout.shingles)
            if found >= self._threshold and (best is None or found > best.similarity):
                best = Nearest(heldout.id, found)
        return best


def _training_problems(session: Session, *, include_generated: bool) -> Iterator[Problem]:
    query = select(*PROBLEM_COLUMNS).where(ProblemRow.split.in_(TRAINABLE)).order_by(ProblemRow.id)
    if not include_generated:
        query = query.where(~ProblemRow.source.startswith(GENERATED))
    for row in session.execute(query.execution_options(yield_per=BATCH)):
        yield Problem(*row)


def set_split(session: Session, problem_ids: Collection[str], split: Split) -> None:
    """Change the split of problems, whatever it was."""
    lock_problems(session, problem_ids)  # in the same order as writers of rollouts, which lock them too
    for batch in batched(sorted(problem_ids), BATCH):
        statement = update(ProblemRow).where(in_array(ProblemRow.id, batch)).values(split=split)
        session.execute(statement, execution_options={"synchronize_session": False})
