"""The loop's figures as Ray metrics: each node's Prometheus endpoint has them, beside the samplers' own."""

from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Gauge

_GAUGES = {
    "iteration": "The iteration that ended last; 0 is the warm start",
    "policy_version": "Version that was published last",
    "promoted_version": "Version that is served",
    "pass@1": "Greedy pass@1 of the last policy on the held-out problems",
    "acceptance_rate": "Share of the iteration's rollouts that were accepted",
    "tokens_per_s": "Tokens sampled per second while the iteration was sampled",
    "loss": "Training loss at the end of the last phase",
}


class LoopTelemetry:
    """Gauges of what an iteration came to."""

    def __init__(self, run: str) -> None:
        self._gauges = {key: _gauge(key, description, run) for key, description in _GAUGES.items()}
        self._seconds = Gauge("automathes_phase_seconds", "Seconds by phase of the last iteration", ("run", "phase"))
        self._seconds.set_default_tags({"run": run})

    def record(self, figures: Mapping[str, Any]) -> None:
        """Sets the gauges (see `cluster.loop.algorithm.SelfTraining.figures`)."""
        for key, gauge in self._gauges.items():
            if figures.get(key) is not None:
                gauge.set(figures[key])
        for phase, seconds in figures["seconds"].items():
            self._seconds.set(seconds, {"phase": phase})


def _gauge(key: str, description: str, run: str) -> Gauge:
    gauge = Gauge(f"automathes_loop_{key.replace('@', '_at_')}", description, tag_keys=("run",))
    gauge.set_default_tags({"run": run})
    return gauge
