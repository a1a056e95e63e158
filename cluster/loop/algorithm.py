"""The loop as an RLlib Algorithm: sample, select, learn, publish, swap, measure, promote."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.alarms.faults import fault_warning
from cluster.loop.alarms.support import read_support
from cluster.loop.algorithm_config import SelfTrainingConfig
from cluster.loop.control import Control, Operator
from cluster.loop.fleet import Fleet
from cluster.loop.iteration.collecting import Collector, SampledCounts
from cluster.loop.iteration.context import LoopContext, Phases
from cluster.loop.iteration.learning import PolicyTrainer
from cluster.loop.iteration.measuring import Measurer
from cluster.loop.position import NextStep, Position, read_position
from cluster.loop.preparation import prepare
from cluster.loop.promotion import promote_unless_worse
from cluster.loop.telemetry import LoopTelemetry, iteration_figures
from eval.comparison import Comparison
from eval.support import support_alarm
from store.records import Policy
from store.runs.figures import Figure
from store.store import Store

log = logging.getLogger(__name__)


class SelfTraining(Algorithm):
    """Self-training on verified solutions (MARIO, arXiv 2401.08190, section 3).

    The store is the system of record: the position of the run is read from it, so that a run whose driver was killed
    continues from there. Only version numbers and figures pass through the driver, no samples.
    """

    @classmethod
    def get_default_config(cls) -> SelfTrainingConfig:
        """An empty configuration; that of a run is `SelfTrainingConfig(run, folder)`."""
        return SelfTrainingConfig(algo_class=cls)

    def setup(self, config: SelfTrainingConfig) -> None:
        """Start samplers and learner side by side, without waiting for either."""
        assert config.run_config is not None, "build the algorithm with SelfTrainingConfig(run, folder)"
        self.run: RunConfig = config.run_config
        self.folder = RunFolder(Path(config.run_folder))
        self.store = Store.open(config.store_url, wait=True)
        self.operator = Operator()
        prepare(self.run, self.folder, self.store, self.operator.progress)  # no work left if the command has done it
        super().setup(config)
        self._wire()
        self._telemetry = LoopTelemetry(self.folder.path.name)
        self._is_ready = False

    def _wire(self) -> None:
        """Build the parts of the loop on top of RLlib's groups of samplers and learners."""
        operator = self.operator
        self.fleet = Fleet(self.env_runner_group, self.run.ray, notify=lambda text: operator.progress.note(text))
        self._phases = Phases(operator)
        control = Control(self.store.run, self.fleet, operator)
        loop = LoopContext(self.run, self.folder, self.store, self.fleet, operator, self._phases, control)
        self._collector = Collector(loop)
        self._measurer = Measurer(loop, self._collector)
        self._trainer = PolicyTrainer(
            loop, self.learner_group, on_poll=self._collector.supervise_samplers, directive=control.directive
        )
        self._trainer.adopt()

    def wait_until_ready(self) -> None:
        """Broadcast the latest policy and wait for the samplers and the learner."""
        with self._phases.run("start"):
            self.fleet.set_policy(self.store.policies.require_latest())
            self.learner_group.ready()
        self._is_ready = True

    def training_step(self) -> None:
        """Get the next policy, set it on the samplers, measure it, promote it unless worse, and close the iteration."""
        if not self._is_ready:  # Tune does not call `wait_until_ready`
            self.wait_until_ready()
        self._phases.seconds.clear()
        self._collector.sampled = SampledCounts()
        policy = self._next_policy(self.position())
        with self._phases.run("swap"):
            self.fleet.set_policy(policy)
        measured = self._measurer.measure(policy)
        comparison = promote_unless_worse(self.store, policy, self.run.evaluation.tolerance)
        self._close_iteration(policy, measured, comparison)
        self._prune()

    def position(self) -> Position:
        """The run's position at this moment, read from the store."""
        return read_position(self.store, self.run)

    # ---------------------------------------------------------------- steps

    def _next_policy(self, position: Position) -> Policy:
        match position.next_step:
            case NextStep.MEASURE:
                return position.latest
            case NextStep.WARM_START:
                return self._trainer.publish_next(0)
            case NextStep.ITERATE:
                return self._iterate(position.current_iteration)

    def _iterate(self, number: int) -> Policy:
        """Sample with the latest policy, then train on the selection from all that was accepted."""
        self._collector.open_iteration(number)
        if self.run.mode == "self_training":
            self._collector.collect(number)
        if self.run.iteration.lead:
            self._collector.open_iteration(number + 1)
        return self._trainer.publish_next(number)

    def _close_iteration(self, policy: Policy, measured: Mapping[str, Figure], comparison: Comparison | None) -> None:
        """Store the iteration's figures, and publish them to RLlib, Tune, Prometheus and the screen."""
        sampled = self._collector.sampled
        values = {metric: figure.value for metric, figure in measured.items()}
        figures = iteration_figures(self.store, self.run, policy, values, self._phases.seconds, sampled)
        figures["measured"] = {metric: asdict(figure) for metric, figure in measured.items()}
        figures["comparison"] = comparison and asdict(comparison)
        if figures["iteration"] > 0:
            self.store.iterations.close(figures["iteration"], figures)
        self._telemetry.record(figures)
        for name, value in figures.items():
            if isinstance(value, int | float):
                self.metrics.log_value(("automathes", name), value, window=1)
        self.operator.progress.iteration(figures)
        for warning in (
            fault_warning(figures["iteration"], figures["outcomes"], figures["faults"]),
            support_alarm(read_support(self.store, self.store.iterations.all())),
        ):
            if warning is not None:
                log.warning("%s", warning)
                self.operator.progress.note(warning)

    def _prune(self) -> None:
        """Delete rejected rollouts that the configuration does not keep."""
        if self.run.retention is not None:
            log.info("%d rejected rollouts pruned", self.store.rollouts.prune(self.run.retention))

    # ---------------------------------------------------------------- overrides of RLlib's behaviour

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Do nothing: the fleet restores samplers while it waits for rollouts."""
        return []

    def cleanup(self) -> None:
        """Stop samplers and learner, and close the store."""
        super().cleanup()
        self.store.close()
