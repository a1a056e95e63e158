"""The position of a run: what is due next, computed from what its store holds.

The driver reads it at every poll and does what is due. Each duty is one transaction that can be repeated, so a run
whose driver was killed between any two of them continues with the next one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from cluster.config.run_config import RunConfig
from store.runs.iterations import IterationState
from store.runs.policies import PolicyState
from store.store import Store

WARM_START = 0
"""The number of the training that precedes the first iteration."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a run stands. Pure: a test builds one without Ray and without a store.

    `target` is the number of iterations that were asked for. The gate: with `published` the last iteration whose
    policy is published, iterations up to `published + 1 + lead` are sampled, and none before the warm start.
    """

    target: int
    lead: int
    quorum: float
    samples: bool
    has_warm_start: bool
    measures_base: bool
    policies: Sequence[PolicyState]
    iterations: Sequence[IterationState]

    @property
    def published(self) -> int:
        """The last iteration whose policy is published; 0 for the warm start, -1 if that is still to be trained."""
        trained = [policy.iteration or WARM_START for policy in self.policies if policy.parent is not None]
        return max(trained, default=-1 if self.has_warm_start else WARM_START)

    @property
    def to_open(self) -> list[int]:
        """The iterations that the gate is open to and that are not scheduled."""
        if self.published < WARM_START:
            return []
        scheduled = {one.number for one in self.iterations if one.scheduled or one.is_closed or not self.samples}
        return [number for number in range(1, self._last_open + 1) if number not in scheduled]

    @property
    def to_train(self) -> int | None:
        """The iteration that the learner can train on, 0 for the warm start; None while it waits for rollouts."""
        following = self.published + 1
        if following == WARM_START:
            return WARM_START
        is_ready = any(one.number == following and self._has_quorum(one) for one in self.iterations)
        return following if is_ready and following <= self.target and following not in self.to_open else None

    @property
    def to_measure(self) -> list[int]:
        """The versions whose promotion is not decided, oldest first; the base only if it is to be measured."""
        measured = (policy for policy in self.policies if policy.parent is not None or self.measures_base)
        return [policy.version for policy in measured if not policy.is_decided]

    @property
    def to_close(self) -> list[int]:
        """The iterations whose policy is measured and decided on, and that have no report yet."""
        decided = {policy.iteration for policy in self.policies if policy.is_decided}
        return [one.number for one in self.iterations if one.number in decided and not one.is_closed]

    @property
    def missing(self) -> int:
        """The number of scheduled rollouts that are not in the store, stragglers beyond a quorum included."""
        return sum(one.missing for one in self.iterations if one.number <= self.target)

    @property
    def iterations_done(self) -> int:
        """The number of iterations whose policy is published. The warm start is not one."""
        return max(self.published, 0)

    @property
    def sampled_now(self) -> int | None:
        """The earliest iteration with missing rollouts, which samplers take first; None if there is none."""
        return next((one.number for one in self.iterations if one.missing and one.number <= self.target), None)

    @property
    def sampling(self) -> tuple[int, int]:
        """(done, scheduled) rollouts of the iterations that are not trained on yet, or that lack stragglers.

        Of a closed iteration these are the stragglers alone.
        """
        wanted = (one for one in self.iterations if one.number <= self.target)
        open_ones = [one for one in wanted if one.missing or (one.number > self.published and not one.is_closed)]
        scheduled = sum(max(one.scheduled, one.missing) for one in open_ones)
        return scheduled - sum(one.missing for one in open_ones), scheduled

    @property
    def is_finished(self) -> bool:
        """Whether everything that was asked for is trained, measured and sampled to the end."""
        return self.published >= self.target and not (self.to_measure or self.to_close or self.missing)

    @property
    def _last_open(self) -> int:
        return min(self.published + 1 + self.lead, self.target)

    def _has_quorum(self, iteration: IterationState) -> bool:
        return iteration.scheduled - iteration.missing >= ceil(self.quorum * iteration.scheduled)


def read_position(store: Store, run: RunConfig) -> Position:
    """Read the position of a run from its store."""
    target = store.run.state().target_iterations
    return Position(
        target=run.iteration.count if target is None else target,
        lead=run.iteration.lead,
        quorum=run.iteration.required_quorum,
        samples=run.mode == "self_training",
        has_warm_start=run.teacher is not None,
        measures_base=run.evaluation.base,
        policies=store.policies.brief(),
        iterations=store.iterations.brief(),
    )
