"""Counts over a store: problems, rollouts by outcome, code blocks, iterations."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import ExecutionRow, ProblemRow, RolloutRow
from store.problems.queries import problem_counts
from store.records import Outcome, Purpose
from store.runs.iterations import Iteration, count_faults, read_iterations


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """Rollouts by outcome, and those with the outcome `fault` by kind; what has no rollouts is absent."""

    by_outcome: Mapping[str, int]
    faults: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of rollouts."""
        return sum(self.by_outcome.values())

    @property
    def accepted(self) -> int:
        """The number of accepted rollouts."""
        return self.by_outcome.get(Outcome.ACCEPTED.value, 0)


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Counts of a store. `problems` is by split, `executions` by status; evaluations are kept apart from training.

    `acceptance_rate`: accepted training rollouts per one that counts for or against the policy, from 0 to 1, pruned
    ones included; None if none counts.
    """

    problems: Mapping[str, int]
    train: RolloutCounts
    eval: RolloutCounts
    demonstrations: RolloutCounts
    executions: Mapping[str, int]
    acceptance_rate: float | None
    iterations: tuple[Iteration, ...]

    @property
    def executions_total(self) -> int:
        """The number of code blocks that ran, for any purpose."""
        return sum(self.executions.values())


def read_statistics(session: Session) -> StoreStatistics:
    """Compute the counts, with queries over indexes, and one over the iterations."""
    outcomes: dict[Purpose, dict[str, int]] = {purpose: {} for purpose in Purpose}
    groups = select(RolloutRow.purpose, RolloutRow.outcome, func.count())
    for purpose, outcome, count in session.execute(groups.group_by(RolloutRow.purpose, RolloutRow.outcome)):
        outcomes[purpose][outcome.value] = count
    faults = {purpose: count_faults(session, RolloutRow.purpose == purpose) for purpose in Purpose}
    statuses = select(ExecutionRow.status, func.count()).group_by(ExecutionRow.status).order_by(ExecutionRow.status)
    return StoreStatistics(
        problems=problem_counts(session),
        train=RolloutCounts(outcomes[Purpose.TRAIN], faults[Purpose.TRAIN]),
        eval=RolloutCounts(outcomes[Purpose.EVAL], faults[Purpose.EVAL]),
        demonstrations=RolloutCounts(outcomes[Purpose.DEMONSTRATION], faults[Purpose.DEMONSTRATION]),
        executions=dict(session.execute(statuses).all()),
        acceptance_rate=_acceptance_rate(session),
        iterations=tuple(read_iterations(session)),
    )


def _acceptance_rate(session: Session) -> float | None:
    """From the problems' counters, which pruning does not change."""
    accepted, judged = session.execute(select(func.sum(ProblemRow.accepted), func.sum(ProblemRow.judged))).one()
    return accepted / judged if judged else None
