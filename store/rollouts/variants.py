"""Numbers the solutions of a problem that share a sketch. A rollout's number is assigned when it is written.

So pools can be rebuilt without parsing, and a writer compares a solution with only one stored rollout per variant.
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
from store.rollouts.row_mapping import solution_from_columns
from store.solutions.solution import Solution


class SolutionKey(NamedTuple):
    """Equal for rollouts of one problem that are the same solution."""

    sketch: bytes
    variant: int


class DuplicateCandidate(NamedTuple):
    """A stored solution that may equal a new one, since both have the same sketch.

    There is one entry for each pool that contains it, and one for its copies. `seq` is the first of these rollouts.
    """

    problem_id: str
    sketch: bytes
    variant: int
    pool: Pool | None
    seq: int


def find_duplicate_candidates(session: Session, solutions: Iterable[tuple[str, Solution]]) -> list[DuplicateCandidate]:
    """The stored solutions with the same sketches as these (problem, solution). The problems must be locked."""
    wanted = sorted({(problem_id, solution.sketch) for problem_id, solution in solutions})
    return [
        DuplicateCandidate(problem_id, bytes(sketch), variant, pool and Pool(pool), seq)
        for batch in batched(wanted, BATCH)
        for problem_id, sketch, variant, pool, seq in find_first(
            session, table(RolloutRow), ("problem_id", "sketch"), batch, ("problem_id", "sketch", "variant", "pool")
        )
    ]


def assign_variants(
    session: Session, solutions: Sequence[tuple[str, Solution]], candidates: Sequence[DuplicateCandidate]
) -> list[SolutionKey]:
    """The key of each (problem, solution): that of an equal one among the candidates or before it, else a new one."""
    known = _load_variants(session, candidates)
    keys: list[SolutionKey] = []
    for problem_id, solution in solutions:
        variants = known.setdefault((problem_id, solution.sketch), {})
        same = next((variant for variant, other in variants.items() if other == solution), None)
        variant = max(variants, default=-1) + 1 if same is None else same
        variants.setdefault(variant, solution)
        keys.append(SolutionKey(solution.sketch, variant))
    return keys


def _load_variants(
    session: Session, candidates: Collection[DuplicateCandidate]
) -> dict[tuple[str, bytes], dict[int, Solution]]:
    """One solution of each variant, by (problem, sketch)."""
    first = {(one.problem_id, one.sketch, one.variant): one.seq for one in candidates}
    solutions = _load_solutions(session, first.values())
    known: dict[tuple[str, bytes], dict[int, Solution]] = {}
    for (problem_id, sketch, variant), seq in first.items():
        known.setdefault((problem_id, sketch), {})[variant] = solutions[seq]
    return known


def _load_solutions(session: Session, seqs: Collection[int]) -> dict[int, Solution]:
    columns = RolloutRow.seq, RolloutRow.id, RolloutRow.segments, RolloutRow.answer
    return {
        seq: solution_from_columns(rollout_id, segments, answer)
        for batch in batched(sorted(seqs), BATCH)
        for seq, rollout_id, segments, answer in session.execute(
            select(*columns).where(in_array(RolloutRow.seq, batch))
        )
    }
