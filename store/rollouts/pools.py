"""What may be trained on: the first of each solution takes the next place in its problem's pool, the rest are counted.

A problem's row counts the members of its pools. Whoever gives places away holds that row, so that of two writers of
one solution the second finds the first.
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
from store.problems.row_locks import POOL_SIZES, lock_problems
from store.records import Outcome, Pool, Purpose
from store.rollouts.variants import Alike, SolutionKey

_COUNTERS = (*POOL_SIZES.values(), "judged", "accepted", "duplicates")


class Judged(NamedTuple):
    """What decides on the place of a rollout."""

    problem_id: str
    purpose: Purpose
    outcome: Outcome
    key: SolutionKey


class Placed(NamedTuple):
    """Where a rollout stands; nowhere if it is not to be trained on."""

    pool: Pool | None
    place: int | None


class Pools:
    """The pools of a few problems, whose rows the transaction holds, while new rollouts take their places."""

    def __init__(
        self, sizes: dict[tuple[str, Pool], int], standing: Iterable[Alike] = (), *, first_time: bool = True
    ) -> None:
        self._sizes = sizes
        # A duplicate of one that stands in a pool stands in none.
        self._said = {
            (one.problem_id, one.pool is Pool.MISTAKE, SolutionKey(one.sketch, one.variant))
            for one in standing
            if one.pool is not None
        }
        self._first_time = first_time
        self._counts: dict[str, Counter[str]] = {}

    def place(self, judged: Judged) -> Placed:
        """Gives the next place, or none to a rollout that says what an earlier one says; counts it in either case."""
        pool = pool_of(judged.purpose, judged.outcome)
        if pool is None:
            return Placed(None, None)
        counts = self._counts.setdefault(judged.problem_id, Counter())
        if judged.purpose is Purpose.TRAIN:
            counts["judged"] += self._first_time
            counts["accepted"] += judged.outcome is Outcome.ACCEPTED
        says = judged.problem_id, pool is Pool.MISTAKE, judged.key
        if says in self._said:
            counts["duplicates"] += 1
            return Placed(None, None)
        self._said.add(says)
        self._sizes[judged.problem_id, pool] += 1
        counts[POOL_SIZES[pool]] += 1
        return Placed(pool, self._sizes[judged.problem_id, pool])

    def save_counts(self, session: Session) -> None:
        """Adds what was counted to the problems."""
        counts = {problem: {name: some[name] for name in _COUNTERS} for problem, some in self._counts.items()}
        add_counts(session, table(ProblemRow), counts)


def pool_of(purpose: Purpose, outcome: Outcome) -> Pool | None:
    """The pool that a rollout may stand in, if no earlier one says the same; none for evaluations and our faults."""
    if outcome is Outcome.FAULT or purpose is Purpose.EVAL:
        return None
    if purpose is Purpose.DEMONSTRATION:
        return Pool.DEMONSTRATION if outcome is Outcome.ACCEPTED else None
    return Pool.SOLUTION if outcome is Outcome.ACCEPTED else Pool.MISTAKE


def rebuild(session: Session, problem_ids: Iterable[str]) -> None:
    """Gives all places and counts of these problems anew, after rollouts were judged again or taken away.

    But for `judged`, which counts what was ever written.
    """
    for batch in batched(sorted(set(problem_ids)), BATCH):
        lock_problems(session, batch)
        _clear(session, batch)
        judged = RolloutRow.problem_id, RolloutRow.purpose, RolloutRow.outcome, RolloutRow.sketch, RolloutRow.variant
        query = select(RolloutRow.seq, *judged).where(in_array(RolloutRow.problem_id, batch)).order_by(RolloutRow.seq)
        rollouts = [
            (seq, Judged(problem_id, purpose, outcome, SolutionKey(sketch, variant)))
            for seq, problem_id, purpose, outcome, sketch, variant in session.execute(query)
        ]
        pools = Pools({(problem_id, pool): 0 for problem_id in batch for pool in Pool}, first_time=False)
        placed = [(seq, pools.place(judged)) for seq, judged in rollouts]
        _save_places(session, [(seq, where) for seq, where in placed if where.pool is not None])
        pools.save_counts(session)


def _clear(session: Session, problem_ids: Sequence[str]) -> None:
    rollouts, problems = table(RolloutRow), table(ProblemRow)
    mine = in_array(rollouts.c.problem_id, problem_ids)
    session.execute(update(rollouts).where(mine, rollouts.c.place.is_not(None)).values(pool=None, place=None))
    zero = {name: 0 for name in _COUNTERS if name != "judged"}
    session.execute(update(problems).where(in_array(problems.c.id, problem_ids)).values(zero))


def _save_places(session: Session, placed: Sequence[tuple[int, Placed]]) -> None:
    if placed:
        rows = table(RolloutRow)
        statement = update(rows).where(rows.c.seq == bindparam("rollout"))
        statement = statement.values(pool=bindparam("its_pool"), place=bindparam("its_place"))
        places = [{"rollout": seq, "its_pool": where.pool, "its_place": where.place} for seq, where in placed]
        session.execute(statement, places)
