"""Collecting: opens an iteration, schedules its assignments, and waits until the samplers have filled it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cluster.loop.iteration.context import LoopContext
from store.records import Sampling


@dataclass(slots=True)
class SampledCounts:
    """What samplers report of their work: training tokens, and retries after faults by kind of the fault."""

    tokens: int = 0
    fault_retries: Counter[str] = field(default_factory=Counter)


class Collector:
    """Collects rollouts through the fleet. `sampled` counts what was sampled since it was last reset."""

    def __init__(self, loop: LoopContext) -> None:
        self._loop = loop
        self.sampled = SampledCounts()

    def open_iteration(self, number: int) -> None:
        """Open an iteration and schedule it; one that is open already stays as it is."""
        run, store = self._loop.run, self._loop.store
        settings = run.iteration
        store.iterations.open(number, store.policies.require_latest().version)
        if run.mode == "self_training":
            store.iterations.schedule(
                number,
                settings.problems,
                settings.samples_per_problem,
                Sampling(settings.temperature, settings.top_p),
                settings.scheduling,
                seed=run.seed + number,
            )

    def collect(self, number: int) -> None:
        """Wait until all rollouts of an iteration are in the store."""
        iterations = self._loop.store.iterations
        with self._loop.phases.run("sample", iterations.progress(number)[1]):
            self.await_rollouts(lambda: iterations.progress(number))

    def await_rollouts(self, count: Callable[[], tuple[int, int]]) -> None:
        """Wait until all scheduled rollouts are done; pause and stop on request. `count` returns (done, scheduled).

        Raises:
            StopRequested: the run is to end.
            TimeoutError: no rollout arrived within `stall_timeout_s`.
            SamplersLostError: no sampler is left.
        """
        loop = self._loop
        loop.fleet.await_rollouts(
            loop.store.policies.require_latest(),
            count,
            loop.operator.progress,
            self._count,
            loop.control.wait_while_paused,
        )

    def supervise_samplers(self) -> None:
        """Poll the samplers and restore dead ones, without waiting; called while the learner trains."""
        self._count(self._loop.fleet.supervise(self._loop.store.policies.require_latest(), wait_s=0.0))

    def _count(self, stats: list[dict[str, Any]]) -> None:
        for one in stats:
            self.sampled.tokens += one["train_tokens"]
            self.sampled.fault_retries.update(one["fault_retries"])
