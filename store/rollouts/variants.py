"""Which of the solutions with one sketch a rollout is: told when it is written, and kept as a number.

So places are given anew without parsing, and of what is in the store one rollout a variant is read to compare with.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import batched
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH, find_first
from store.database.tables import RolloutRow, table
from store.records import Pool
from store.rollouts.rows import restore_solution
from store.rollouts.solutions import Solution


class SolutionKey(NamedTuple):
    """Equal for rollouts of one problem that are the same solution."""

    sketch: bytes
    variant: int


class Alike(NamedTuple):
    """A solution in the store that may be the same as one that is written, since it has the same sketch.

    Once for each pool that it stands in and once for its copies. `seq`: of the first rollout of these.
    """

    problem_id: str
    sketch: bytes
    variant: int
    pool: Pool | None
    seq: int


def find_alike(session: Session, solutions: Iterable[tuple[str, Solution]]) -> list[Alike]:
    """What the store has of the sketches of these (problem, solution); the transaction holds the problems."""
    wanted = sorted({(problem_id, solution.sketch) for problem_id, solution in solutions})
    return [
        Alike(problem_id, bytes(sketch), variant, pool and Pool(pool), seq)
        for batch in batched(wanted, BATCH)
        for problem_id, sketch, variant, pool, seq in find_first(
            session, table(RolloutRow), ("problem_id", "sketch"), batch, ("problem_id", "sketch", "variant", "pool")
        )
    ]


def tell_apart(
    session: Session, solutions: Sequence[tuple[str, Solution]], alike: Sequence[Alike]
) -> list[SolutionKey]:
    """The key of each (problem, solution): that of an equal one in the store or before it, else a new one."""
    known = _known(session, alike)
    keys: list[SolutionKey] = []
    for problem_id, solution in solutions:
        variants = known.setdefault((problem_id, solution.sketch), {})
        same = next((variant for variant, other in variants.items() if other == solution), None)
        variant = max(variants, default=-1) + 1 if same is None else same
        variants.setdefault(variant, solution)
        keys.append(SolutionKey(solution.sketch, variant))
    return keys


def _known(session: Session, alike: Collection[Alike]) -> dict[tuple[str, bytes], dict[int, Solution]]:
    """One solution of each variant, by (problem, sketch)."""
    first = {(one.problem_id, one.sketch, one.variant): one.seq for one in alike}
    solutions = _read(session, first.values())
    known: dict[tuple[str, bytes], dict[int, Solution]] = {}
    for (problem_id, sketch, variant), seq in first.items():
        known.setdefault((problem_id, sketch), {})[variant] = solutions[seq]
    return known


def _read(session: Session, seqs: Collection[int]) -> dict[int, Solution]:
    columns = RolloutRow.seq, RolloutRow.id, RolloutRow.segments, RolloutRow.answer
    return {
        seq: restore_solution(rollout_id, segments, answer)
        for batch in batched(sorted(seqs), BATCH)
        for seq, rollout_id, segments, answer in session.execute(
            select(*columns).where(in_array(RolloutRow.seq, batch))
        )
    }
