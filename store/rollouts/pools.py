"""Pools of rollouts that can be trained on: the first of each solution gets the next place, duplicates are counted.

A problem's row has the sizes of its pools. Transactions that assign places lock that row, so that of two writers of one
solution the second sees the first.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import batched
from typing import NamedTuple

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH, add_counts
from store.database.tables import ProblemRow, RolloutRow, table
from store.outcomes import COUNTED
from store.problems.row_locks import POOL_SIZES, lock_problems
from store.records import Outcome, Pool, Purpose
from store.rollouts.excluded import ExcludedSolutions, find_excluded
from store.rollouts.variants import DuplicateCandidate, SolutionKey

_EVER = ("judged", "judged_tokens")  # of all rollouts that were ever written
_COUNTERS = (*POOL_SIZES.values(), *_EVER, "accepted", "duplicates")


class PoolCandidate(NamedTuple):
    """The properties of a rollout that determine its place in a pool, and its length after the prompt."""

    problem_id: str
    purpose: Purpose
    outcome: Outcome
    key: SolutionKey
    tokens: int


class Placement(NamedTuple):
    """The pool and place of a rollout; both None if it is not to be trained on."""

    pool: Pool | None
    place: int | None


class Pools:
    """The pools of a few problems, whose rows the transaction has locked, while rollouts are added.

    `members` are the stored solutions that new ones may duplicate. Attempts at an `excluded` solution get no place;
    a demonstration does, since it may be what a person made of it. `count_judged` is False for a rebuild: `judged` and
    `judged_tokens` count each rollout once, when it is written.
    """

    def __init__(
        self,
        sizes: dict[tuple[str, Pool], int],
        members: Iterable[DuplicateCandidate] = (),
        excluded: ExcludedSolutions = frozenset(),
        *,
        count_judged: bool = True,
    ) -> None:
        self._sizes = sizes
        self._seen = {
            (member.problem_id, member.pool is Pool.MISTAKE, SolutionKey(member.sketch, member.variant))
            for member in members
            if member.pool is not None
        }
        self._excluded = excluded
        self._count_judged = count_judged
        self._counts: dict[str, Counter[str]] = {}

    def add(self, candidate: PoolCandidate) -> Placement:
        """Assign the next place, or none to a duplicate or an excluded one; counts the rollout in either case."""
        pool = pool_of(candidate.purpose, candidate.outcome)
        if pool is None:
            return Placement(None, None)
        counts = self._counts.setdefault(candidate.problem_id, Counter())
        if candidate.purpose is Purpose.TRAIN:
            counts["judged"] += self._count_judged
            counts["judged_tokens"] += self._count_judged * candidate.tokens
            counts["accepted"] += candidate.outcome is Outcome.ACCEPTED
            if (candidate.problem_id, candidate.key) in self._excluded:
                return Placement(None, None)
        solution = candidate.problem_id, pool is Pool.MISTAKE, candidate.key
        if solution in self._seen:
            counts["duplicates"] += 1
            return Placement(None, None)
        self._seen.add(solution)
        self._sizes[candidate.problem_id, pool] += 1
        counts[POOL_SIZES[pool]] += 1
        return Placement(pool, self._sizes[candidate.problem_id, pool])

    def save_counts(self, session: Session) -> None:
        """Add the counts to the problems' rows."""
        counts = {problem: {name: counted[name] for name in _COUNTERS} for problem, counted in self._counts.items()}
        add_counts(session, table(ProblemRow), counts)


def pool_of(purpose: Purpose, outcome: Outcome) -> Pool | None:
    """The pool of a rollout that is not a duplicate; None for evaluations, and for outcomes that do not count.

    A rollout without a verdict must not be trained on as a mistake: its answer may be right.
    """
    if outcome not in COUNTED or purpose is Purpose.EVAL:
        return None
    if purpose is Purpose.DEMONSTRATION:
        return Pool.DEMONSTRATION if outcome is Outcome.ACCEPTED else None
    return Pool.SOLUTION if outcome is Outcome.ACCEPTED else Pool.MISTAKE


def add_judged(session: Session, problem_id: str, more: int, tokens: int) -> None:
    """Change how many training rollouts and tokens of a problem count, after a correction gave or took verdicts."""
    rows = table(ProblemRow)
    judged, judged_tokens = rows.c.judged + more, rows.c.judged_tokens + tokens
    session.execute(update(rows).where(rows.c.id == problem_id).values(judged=judged, judged_tokens=judged_tokens))


def rebuild(session: Session, problem_ids: Iterable[str]) -> None:
    """Reassign all places and recount, for these problems, after outcomes changed or rollouts were deleted.

    `judged` and `judged_tokens` stay: they count all rollouts that were ever written and count.
    """
    for batch in batched(sorted(set(problem_ids)), BATCH):
        lock_problems(session, batch)
        _clear(session, batch)
        columns = RolloutRow.problem_id, RolloutRow.purpose, RolloutRow.outcome, RolloutRow.sketch, RolloutRow.variant
        query = select(RolloutRow.seq, RolloutRow.tokens, *columns)
        query = query.where(in_array(RolloutRow.problem_id, batch)).order_by(RolloutRow.seq)
        candidates = [
            (seq, PoolCandidate(problem_id, purpose, outcome, SolutionKey(sketch, variant), tokens))
            for seq, tokens, problem_id, purpose, outcome, sketch, variant in session.execute(query)
        ]
        empty = {(problem_id, pool): 0 for problem_id in batch for pool in Pool}
        pools = Pools(empty, excluded=find_excluded(session, batch), count_judged=False)
        placements = [(seq, pools.add(candidate)) for seq, candidate in candidates]
        _save_placements(session, [(seq, placement) for seq, placement in placements if placement.pool is not None])
        pools.save_counts(session)


def _clear(session: Session, problem_ids: Sequence[str]) -> None:
    rollouts, problems = table(RolloutRow), table(ProblemRow)
    of_problems = in_array(rollouts.c.problem_id, problem_ids)
    session.execute(update(rollouts).where(of_problems, rollouts.c.place.is_not(None)).values(pool=None, place=None))
    zero = {name: 0 for name in _COUNTERS if name not in _EVER}
    session.execute(update(problems).where(in_array(problems.c.id, problem_ids)).values(zero))


def _save_placements(session: Session, placements: Sequence[tuple[int, Placement]]) -> None:
    if placements:
        rows = table(RolloutRow)
        statement = update(rows).where(rows.c.seq == bindparam("rollout"))
        statement = statement.values(pool=bindparam("its_pool"), place=bindparam("its_place"))
        rows_to_update = [{"rollout": seq, "its_pool": new.pool, "its_place": new.place} for seq, new in placements]
        session.execute(statement, rows_to_update)
