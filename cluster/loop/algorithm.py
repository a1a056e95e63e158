"""The loop as an RLlib Algorithm: sample, select, learn, publish, measure, promote, as far as the gate is open."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ray.rllib.algorithms import algorithm
from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.algorithm_config import SelfTrainingConfig
from cluster.loop.control import Control, Operator, StopRequested
from cluster.loop.duties import Duties
from cluster.loop.iteration.closing import Closer
from cluster.loop.iteration.context import LoopContext, Phases
from cluster.loop.iteration.learning import PolicyTrainer
from cluster.loop.iteration.measuring import Measurer
from cluster.loop.iteration.speed import SpeedMeter
from cluster.loop.iteration.telemetry import LoopTelemetry
from cluster.loop.placement.places import place_run
from cluster.loop.placement.samplers import SamplerGroup
from cluster.loop.position import Position, read_position
from cluster.loop.preparation.preparation import prepare
from cluster.loop.supervision.fleet import Fleet
from cluster.loop.tracking.tracking import Tracking
from learner.directive import Directive
from store.store import Store

log = logging.getLogger(__name__)

_POLL_S = 0.5


class SelfTraining(Algorithm):
    """Self-training on verified solutions (MARIO, arXiv 2401.08190, section 3).

    The store is the system of record: the position of the run is read from it, so that a run whose driver was killed
    continues from there. Only version numbers and figures pass through the driver, no samples.
    """

    @classmethod
    def get_default_config(cls) -> SelfTrainingConfig:
        """An empty configuration; that of a run is `SelfTrainingConfig(run, folder)`."""
        return SelfTrainingConfig(algo_class=cls)

    def training_step(self) -> None:
        """Publish the next policy. Meanwhile iterations are sampled and policies measured, as the position says.

        Raises:
            StopRequested: the run was asked to stop.
            StalledError: nothing has made progress for too long.
        """
        self._tracking.follow()  # what was decided before this driver
        position = self._tend_until(lambda position: position.to_train is not None or position.is_finished)
        if position.to_train is not None:
            self._trainer.publish_next(position.to_train)
        if self.position().published >= position.target:
            self._tend_until(lambda position: position.is_finished)

    def position(self) -> Position:
        """The run's position at this moment, read from the store."""
        return read_position(self.store, self.run)

    def _tend_until(self, reached: Callable[[Position], bool]) -> Position:
        """Do what is due until the position is reached, and the run is not paused."""
        while True:
            position = self.duties.tend(_POLL_S)
            if self.duties.directive is Directive.STOP:
                raise StopRequested
            if self.duties.directive is Directive.RUN and reached(position):
                return position

    def tend_or_stop(self) -> None:
        """Do what is due, without waiting, while the learner loads something. Raises `StopRequested`."""
        self._tend_while_learning()
        if self.duties.directive is Directive.STOP:
            raise StopRequested

    # ---------------------------------------------------------------- parts

    def setup(self, config: SelfTrainingConfig) -> None:
        """Start samplers and learner side by side, without waiting for either."""
        assert config.run_config is not None, "build the algorithm with SelfTrainingConfig(run, folder)"
        self.run: RunConfig = config.run_config
        self.folder = RunFolder(Path(config.run_folder), self.run.storage)
        self.store = Store.open(config.store_url, wait=True)
        self.operator = Operator()
        prepare(self.run, self.folder, self.store, self.operator.progress)  # no work left if the command has done it
        self.store.samplers.clear()  # those of an earlier driver ended with it
        self.config = config.placed(place_run(self.run, self.folder.path.name, config.cluster))
        with _groups_of_samplers():
            super().setup(self.config)
        self._wire()

    def _wire(self) -> None:
        """Build the parts of the loop on top of RLlib's groups of samplers and learners."""
        operator = self.operator
        fleet = Fleet(self.env_runner_group, self.run.ray, notify=lambda text: operator.progress.note(text))
        control, phases, meter = Control(self.store.run, operator), Phases(operator), SpeedMeter()
        self._tracking = Tracking(self.run, self.folder, self.store, lambda text: operator.progress.note(text))
        loop = LoopContext(self.run, self.folder, self.store, fleet, operator, phases, control, self._tracking)
        measurer, telemetry = Measurer(loop), LoopTelemetry(self.folder.path.name)
        closer = Closer(loop, measurer, meter, telemetry, self._log_value)
        self.duties = Duties(loop, self.learner_group, measurer, closer, meter, telemetry)
        self._trainer = PolicyTrainer(
            loop,
            self.learner_group,
            on_poll=self._tend_while_learning,
            directive=lambda: self.duties.directive,
        )
        self.duties.holdups += [lambda: self._trainer.waits_for, lambda: self.learner_group.waits_for]

    def _tend_while_learning(self) -> None:
        self.duties.tend(0.0, is_learning=True)

    def _log_value(self, name: str, value: float) -> None:
        self.metrics.log_value(("automathes", name), value, window=1)

    # ---------------------------------------------------------------- overrides of RLlib's behaviour

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Do nothing: the fleet restores samplers at every poll."""
        return []

    def cleanup(self) -> None:
        """Stop samplers and learner, complete what goes to trackers, and close the store."""
        super().cleanup()
        self._tracking.close()
        self.store.close()


@contextmanager
def _groups_of_samplers() -> Iterator[None]:
    """Let RLlib's Algorithm make groups of ours during its setup: it offers no other way to choose their class."""
    stock = algorithm.EnvRunnerGroup
    algorithm.EnvRunnerGroup = SamplerGroup
    try:
        yield
    finally:
        algorithm.EnvRunnerGroup = stock
