"""The store in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.iterations import Iteration, iterations
from store.models import ExecutionRow, RolloutRow
from store.problems import problem_counts
from store.records import Outcome, Purpose


@dataclass(frozen=True, slots=True)
class RolloutCounts:
    """Rollouts by what became of them; outcomes that did not occur are left out."""

    by_outcome: Mapping[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_outcome.values())

    @property
    def accepted(self) -> int:
        """Those whose answer was right."""
        return self.by_outcome.get(Outcome.ACCEPTED.value, 0)


@dataclass(frozen=True, slots=True)
class StoreStats:
    """Counts. `problems` is by split, `executions` by status; evaluations are never mixed with training rollouts."""

    problems: Mapping[str, int]
    train: RolloutCounts
    eval: RolloutCounts
    demonstrations: RolloutCounts
    executions: Mapping[str, int]
    iterations: tuple[Iteration, ...]

    @property
    def executions_total(self) -> int:
        """Code blocks that were run, whatever for."""
        return sum(self.executions.values())


def read_stats(session: Session) -> StoreStats:
    """Three counts over indexes and one over the iterations."""
    outcomes: dict[Purpose, dict[str, int]] = {purpose: {} for purpose in Purpose}
    groups = select(RolloutRow.purpose, RolloutRow.outcome, func.count())
    for purpose, outcome, count in session.execute(groups.group_by(RolloutRow.purpose, RolloutRow.outcome)):
        outcomes[purpose][outcome.value] = count
    statuses = select(ExecutionRow.status, func.count()).group_by(ExecutionRow.status).order_by(ExecutionRow.status)
    return StoreStats(
        problems=problem_counts(session),
        train=RolloutCounts(outcomes[Purpose.TRAIN]),
        eval=RolloutCounts(outcomes[Purpose.EVAL]),
        demonstrations=RolloutCounts(outcomes[Purpose.DEMONSTRATION]),
        executions=dict(session.execute(statuses).all()),
        iterations=tuple(iterations(session)),
    )


def blocks_run(session: Session, iteration: int) -> int:
    """Code blocks that the training rollouts of an iteration ran."""
    query = select(func.count()).select_from(ExecutionRow).join(RolloutRow, RolloutRow.seq == ExecutionRow.rollout_seq)
    return session.scalar(query.where(RolloutRow.iteration == iteration)) or 0


def outcomes_by_iteration(session: Session, number: int | None = None) -> dict[int, dict[str, int]]:
    """Training rollouts by iteration (of one alone, with `number`) and outcome; what did not occur is left out."""
    counts: dict[int, dict[str, int]] = {}
    groups = select(RolloutRow.iteration, RolloutRow.outcome, func.count()).where(
        RolloutRow.iteration.is_not(None) if number is None else RolloutRow.iteration == number
    )
    for iteration, outcome, count in session.execute(groups.group_by(RolloutRow.iteration, RolloutRow.outcome)):
        assert iteration is not None
        counts.setdefault(iteration or 0, {})[outcome.value] = count
    return counts
