"""Counts over a store: problems, rollouts by outcome, code blocks, iterations."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import ExecutionRow, RolloutRow
from store.outcomes import acceptance_rate
from store.problems.queries import problem_counts
from store.records import Outcome, Purpose
from store.runs.iterations import Iteration, read_iterations


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """Rollouts by outcome; outcomes without rollouts are absent."""

    by_outcome: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of rollouts."""
        return sum(self.by_outcome.values())

    @property
    def accepted(self) -> int:
        """The number of accepted rollouts."""
        return self.by_outcome.get(Outcome.ACCEPTED.value, 0)

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted rollouts per rollout that counts for or against the policy, from 0 to 1; None if none counts."""
        return acceptance_rate(self.by_outcome)


@dataclass(frozen=True, slots=True)
class StoreStatistics:
    """Counts of a store. `problems` is by split, `executions` by status; evaluations are kept apart from training."""

    problems: Mapping[str, int]
    train: RolloutCounts
    eval: RolloutCounts
    demonstrations: RolloutCounts
    executions: Mapping[str, int]
    iterations: tuple[Iteration, ...]

    @property
    def executions_total(self) -> int:
        """The number of code blocks that ran, for any purpose."""
        return sum(self.executions.values())


def read_statistics(session: Session) -> StoreStatistics:
    """Compute the counts, with three queries over indexes and one over the iterations."""
    outcomes: dict[Purpose, dict[str, int]] = {purpose: {} for purpose in Purpose}
    groups = select(RolloutRow.purpose, RolloutRow.outcome, func.count())
    for purpose, outcome, count in session.execute(groups.group_by(RolloutRow.purpose, RolloutRow.outcome)):
        outcomes[purpose][outcome.value] = count
    statuses = select(ExecutionRow.status, func.count()).group_by(ExecutionRow.status).order_by(ExecutionRow.status)
    return StoreStatistics(
        problems=problem_counts(session),
        train=RolloutCounts(outcomes[Purpose.TRAIN]),
        eval=RolloutCounts(outcomes[Purpose.EVAL]),
        demonstrations=RolloutCounts(outcomes[Purpose.DEMONSTRATION]),
        executions=dict(session.execute(statuses).all()),
        iterations=tuple(read_iterations(session)),
    )
