"""Closing: stores the figures of an iteration, and reports them to RLlib, Tune, Prometheus, trackers and the screen."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from cluster.loop.alarms.faults import fault_warning
from cluster.loop.alarms.support import read_support
from cluster.loop.iteration.context import LoopContext
from cluster.loop.iteration.measuring import Measurer
from cluster.loop.iteration.speed import SpeedMeter
from cluster.loop.iteration.telemetry import LoopTelemetry, iteration_figures
from cluster.loop.policy_pruning import prune_policies
from eval.support import support_alarm
from store.records import Policy

log = logging.getLogger(__name__)


class Closer:
    """Reports policies that were measured and decided on. `log_value` is called with each plain figure."""

    def __init__(
        self,
        loop: LoopContext,
        measurer: Measurer,
        meter: SpeedMeter,
        telemetry: LoopTelemetry,
        log_value: Callable[[str, float], None],
    ) -> None:
        self._loop = loop
        self._store = loop.store
        self._measurer = measurer
        self._meter = meter
        self._log_value = log_value
        self._telemetry = telemetry

    def close(self, policy: Policy) -> None:
        """Store the figures of the iteration that trained a policy, and report them; prune rollouts and policies."""
        figures = self._figures(policy)
        if policy.iteration:
            self._store.iterations.close(policy.iteration, figures)
        self._publish(figures)
        self._loop.tracking.follow()
        self._warn(figures)
        self._prune()

    def _figures(self, policy: Policy) -> Mapping[str, Any]:
        self._meter.add_seconds(self._loop.phases.take_seconds())
        measured = self._measurer.figures(policy.version)
        values = {metric: figure.value for metric, figure in measured.items()}
        figures = iteration_figures(self._store, policy, values, self._meter.take(policy.iteration or 0))
        figures["measured"] = {metric: asdict(figure) for metric, figure in measured.items()}
        figures["comparison"] = (policy.assessment or {}).get("comparison")
        return figures

    def _publish(self, figures: Mapping[str, Any]) -> None:
        self._telemetry.record(figures)
        for name, value in figures.items():
            if isinstance(value, int | float):
                self._log_value(name, value)
        self._loop.operator.progress.iteration(figures)

    def _warn(self, figures: Mapping[str, Any]) -> None:
        for warning in (
            fault_warning(figures["iteration"], figures["outcomes"], figures["faults"]),
            support_alarm(read_support(self._store, self._store.iterations.all())),
        ):
            if warning is not None:
                log.warning("%s", warning)
                self._loop.operator.progress.note(warning)

    def _prune(self) -> None:
        """Delete rejected rollouts, and folders of policies, that the configuration does not keep."""
        run = self._loop.run
        if run.retention is not None:
            log.info("%d rejected rollouts pruned", self._store.rollouts.prune(run.retention))
        if run.policies is not None:
            prune_policies(self._store, self._loop.folder, run.policies)
