"""The figures of an iteration, and the same as Ray metrics: each node's Prometheus endpoint has them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ray.util.metrics import Gauge

from cluster.loop.iteration.speed import Sampled
from eval.support import SupportCounts
from store.outcomes import acceptance_rate, fault_share
from store.records import Outcome, Policy
from store.store import Store

_ITERATION = {
    "iteration": "Number of the latest iteration; 0 is the warm start",
    "promoted_version": "Promoted policy version, which is served",
    "pass@1": "Greedy pass@1 of the latest policy on the held-out problems",
    "acceptance_rate": "Accepted rollouts per rollout of the iteration that counts for or against the policy",
    "fault_share": "Share of the iteration's rollouts that ended in a fault",
    "supported_share": "Share of the accepted rollouts whose answer follows from their code",
    "tokens_per_s": "Training tokens sampled per second during the iteration",
    "loss": "Training loss at the end of the latest training phase",
}


def iteration_figures(store: Store, policy: Policy, measured: Mapping[str, float], sampled: Sampled) -> dict[str, Any]:
    """The figures of the iteration that published `policy`; its number is 0 for the base and the warm start.

    Args:
        store: of the run.
        policy: the policy that was published.
        measured: its scores by metric.
        sampled: what samplers reported since the last report, and how long it took.
    """
    number = policy.iteration or 0
    outcomes = store.iterations.outcomes(number).get(number, {})
    support = store.iterations.support(number)
    promoted = store.policies.promoted()
    return {
        "iteration": number,
        "policy_version": policy.version,
        "promoted_version": promoted.version if promoted else None,
        "rollouts": sum(outcomes.values()),
        "accepted": outcomes.get(Outcome.ACCEPTED.value, 0),
        "acceptance_rate": acceptance_rate(outcomes),
        "outcomes": outcomes,
        "faults": store.iterations.faults(number),
        "fault_retries": dict(sampled.fault_retries),
        "fault_share": fault_share(outcomes),
        "support": support,
        "supported_share": SupportCounts.of(number, support).share,
        "blocks": store.iterations.blocks_run(number),
        "tokens_per_s": sampled.tokens_per_s if number else None,
        "lag_tokens": {str(lag): tokens for lag, tokens in store.training_sets.lag_tokens(policy.version).items()},
        "loss": policy.metrics.get("loss"),
        **measured,
        "seconds": dict(sampled.seconds),
    }


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of the loop at one moment; each field is a gauge."""

    seen_seconds: float
    is_sampling: bool
    missing_rollouts: int
    policy_version: int
    samplers: int
    samplers_working: int
    holdups: int
    disk_free_bytes: int
    disk_bytes: int


_MOMENT = {
    "seen_seconds": "When the driver last looked after the run, in Unix seconds",
    "is_sampling": "1 while rollouts are missing and the run is not paused, else 0",
    "missing_rollouts": "Scheduled training rollouts that are not in the store",
    "policy_version": "Latest published policy version",
    "samplers": "Samplers that the run should have",
    "samplers_working": "Samplers whose engine has started",
    "holdups": "What holds the run up: parts that wait for a store, resources, a start",
    "disk_free_bytes": "Free space on the disk of the run's folder",
    "disk_bytes": "Size of the disk of the run's folder",
}


class LoopTelemetry:
    """Ray gauges of the loop at this moment, and of the latest iteration's figures."""

    def __init__(self, run: str) -> None:
        self._iteration = {key: _gauge(key, description, run) for key, description in _ITERATION.items()}
        self._moment = {key: _gauge(key, description, run) for key, description in _MOMENT.items()}
        self._seconds = Gauge("automathes_phase_seconds", "Seconds by phase of the latest iteration", ("run", "phase"))
        self._seconds.set_default_tags({"run": run})
        description = "Tokens of attempts in the latest training set by the lag of their policy, in published policies"
        self._lag = Gauge("automathes_training_lag_tokens", description, ("run", "lag"))
        self._lag.set_default_tags({"run": run})
        self._lags: set[str] = set()
        self._mean_lag = _gauge("training_lag", "Mean lag of the attempts' tokens in the latest training set", run)

    def record(self, figures: Mapping[str, Any]) -> None:
        """Set the gauges from `iteration_figures`."""
        for key, gauge in self._iteration.items():
            if figures.get(key) is not None:
                gauge.set(figures[key])
        for phase, seconds in figures["seconds"].items():
            self._seconds.set(seconds, {"phase": phase})
        self._record_lag(figures["lag_tokens"])

    def _record_lag(self, tokens: Mapping[str, int]) -> None:
        """Set the gauges of the lag, those that this training set no longer has to 0."""
        self._lags |= set(tokens)
        for lag in self._lags:
            self._lag.set(tokens.get(lag, 0), {"lag": lag})
        if total := sum(tokens.values()):
            self._mean_lag.set(sum(int(lag) * count for lag, count in tokens.items()) / total)

    def record_moment(self, moment: Moment) -> None:
        """Set the gauges of this moment."""
        for key, value in asdict(moment).items():
            self._moment[key].set(float(value))


def _gauge(key: str, description: str, run: str) -> Gauge:
    gauge = Gauge(f"automathes_loop_{key.replace('@', '_at_')}", description, tag_keys=("run",))
    gauge.set_default_tags({"run": run})
    return gauge
