"""The simulated learner: trains an iteration, publishes its policy, and continues from a checkpoint after a failure."""

from collections.abc import Callable
from random import Random

from cluster.simulation.case import Learner
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores


class SimulatedLearner:
    """One training at a time. Failures are drawn from its own random numbers."""

    def __init__(self, settings: Learner, events: EventQueue, host: HostCores, rng: Random) -> None:
        self._settings, self._events, self._host, self._rng = settings, events, host, rng
        self._trained_s = 0.0  # of the training under way, as if it had the host to itself
        self._needed_s = 0.0
        self._counted_at = 0.0
        self._is_training = False
        self._plan_number = 0
        self._published: Callable[[], None] | None = None
        self._busy_since: float | None = None
        self._busy_s = 0.0
        self.failures = 0
        """How often a rank failed."""
        host.subscribe(self._count, self._plan)

    @property
    def is_busy(self) -> bool:
        """Whether a policy is being trained or published."""
        return self._busy_since is not None

    @property
    def busy_s(self) -> float:
        """Seconds spent on training and publishing, restarts included."""
        return self._busy_s + (self._events.now - self._busy_since if self._busy_since is not None else 0.0)

    def train(self, iteration: int, published: Callable[[], None]) -> None:
        """Train the policy of an iteration, counted from 1, and call `published` once it is there."""
        assert not self.is_busy, "one training at a time"
        self._busy_since, self._published = self._events.now, published
        self._needed_s = self._settings.train_s[(iteration - 1) % len(self._settings.train_s)]
        self._trained_s = 0.0
        self._events.after(self._settings.select_s, self._begin)

    def _begin(self) -> None:
        self._counted_at, self._is_training = self._events.now, True
        self._host.use(self._settings.cores)
        if self._settings.mean_s_to_failure is not None:
            lasts_s = self._rng.expovariate(self._settings.ranks / self._settings.mean_s_to_failure)
            self._events.after(lasts_s, self._fail, self.failures, self._busy_since)
        self._plan()

    def _count(self) -> None:
        if self._is_training:
            self._trained_s += (self._events.now - self._counted_at) * self._host.speed
            self._counted_at = self._events.now

    def _plan(self) -> None:
        if self._is_training:
            self._plan_number += 1
            left_s = (self._needed_s - self._trained_s) / self._host.speed
            self._events.after(max(left_s, 0.0), self._end, self._plan_number)

    def _end(self, plan_number: int) -> None:
        if plan_number != self._plan_number or not self._is_training:
            return
        self._stop()
        self._events.after(self._settings.publish_s, self._publish)

    def _stop(self) -> None:
        self._count()
        self._is_training = False
        self._host.use(-self._settings.cores)

    def _fail(self, failures: int, busy_since: float | None) -> None:
        """Lose what was trained since the last checkpoint; a failure that was drawn for an earlier training is none."""
        if not self._is_training or (failures, busy_since) != (self.failures, self._busy_since):
            return
        self._stop()
        self.failures += 1
        self._trained_s -= self._trained_s % self._settings.checkpoint_every_s
        self._events.after(self._settings.restart_s, self._begin)

    def _publish(self) -> None:
        assert self._busy_since is not None
        assert self._published is not None
        self._busy_s += self._events.now - self._busy_since
        self._busy_since = None
        self._published()
