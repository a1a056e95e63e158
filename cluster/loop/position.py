"""The position of a run: what comes next, computed from what its store holds.

The driver reads it before every step, so that a run that was killed after any step continues with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from cluster.config.run_config import RunConfig
from cluster.loop.promotion import HELDOUT
from learner.settings import Phase
from store.records import Decision, Policy
from store.runs.iterations import Iteration
from store.store import Store


class NextStep(StrEnum):
    """What the loop does next."""

    MEASURE = "measure"
    """Measure the latest policy and decide on its promotion: the base at first, later one whose driver died."""
    WARM_START = "warm_start"
    """Train on the teacher's demonstrations."""
    ITERATE = "iterate"
    """Sample an iteration and train on the selection."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands. Pure: a test builds one without Ray and without a store.

    `measured` are the versions with a held-out score; `latest_is_worse`: the latest policy was measured and scores
    lower than the promoted one; `measures_base` and `has_teacher` are the run's configuration.
    """

    latest: Policy
    promoted: Policy | None
    iterations: Sequence[Iteration]
    measured: frozenset[int]
    latest_is_worse: bool
    measures_base: bool
    has_teacher: bool

    @property
    def next_step(self) -> NextStep:
        """What comes next."""
        if (self.latest.version > 0 or self.measures_base) and not self.latest_is_settled:
            return NextStep.MEASURE
        if self.has_teacher and self.latest.version == 0:
            return NextStep.WARM_START
        return NextStep.ITERATE

    @property
    def is_behind(self) -> bool:
        """Whether something precedes the next iteration: the base's measurement, the warm start, a crash's remains."""
        return self.next_step is not NextStep.ITERATE

    @property
    def iterations_done(self) -> int:
        """The number of closed iterations. The warm start is not one."""
        return sum(iteration.closed_at is not None for iteration in self.iterations)

    @property
    def current_iteration(self) -> int:
        """The number of the open iteration, else of the next one. The warm start is 0."""
        return self.iterations_done + 1

    @property
    def latest_is_settled(self) -> bool:
        """Whether the latest policy was measured, its promotion decided, and its iteration closed.

        A score alone is not enough: the driver may have died before it promoted the policy or closed the iteration.
        """
        latest, promoted = self.latest, self.promoted
        if latest.version not in self.measured or promoted is None:
            return False
        if latest.version > promoted.version and not self.latest_is_worse:
            return False
        closed = {iteration.metrics.get("policy_version") for iteration in self.iterations}
        return latest.config.get("phase") != Phase.ITERATION.value or latest.version in closed


def iteration_of(policy: Policy, iterations: Sequence[Iteration]) -> int:
    """The open iteration that published the policy; 0 for the base and the warm start."""
    for iteration in iterations:
        if iteration.closed_at is None and iteration.policy_version < policy.version:
            return iteration.number
    return 0


def read_position(store: Store, run: RunConfig) -> Position:
    """Read the position of a run from its store."""
    latest, promoted = store.policies.require_latest(), store.policies.promoted()
    measured = frozenset(figure.policy_version for figure in store.evaluations.figures() if figure.benchmark == HELDOUT)
    return Position(
        latest=latest,
        promoted=promoted,
        iterations=tuple(store.iterations.all()),
        measured=measured,
        latest_is_worse=latest.decision is Decision.NOT_PROMOTED,
        measures_base=run.evaluation.base,
        has_teacher=run.teacher is not None,
    )
