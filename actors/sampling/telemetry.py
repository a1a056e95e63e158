"""A sampler's stats as Ray metrics, which Prometheus scrapes and the Ray dashboard shows."""

from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge

from sandbox.stats import SandboxStats


class SamplerTelemetry:
    """Counters of rollouts, faults, tokens and code blocks; gauges of the requests in flight and the loaded policy.

    Failures of the sandbox and retries after faults have counters of their own: most retries succeed, so that neither
    the statuses of code blocks nor the outcomes of rollouts show them.
    """

    def __init__(self, worker_index: int) -> None:
        def counter(name: str, description: str, *tags: str) -> Counter:
            metric = Counter(f"automathes_{name}", description, tag_keys=("sampler", *tags))
            metric.set_default_tags({"sampler": str(worker_index)})
            return metric

        def gauge(name: str, description: str) -> Gauge:
            metric = Gauge(f"automathes_{name}", description, tag_keys=("sampler",))
            metric.set_default_tags({"sampler": str(worker_index)})
            return metric

        self._rollouts = counter("rollouts", "Rollouts that the store acknowledged", "outcome")
        self._executions = counter("executions", "Code blocks run in the sandbox", "status")
        self._faults = counter("faults", "Rollouts with the outcome fault", "kind")
        self._fault_retries = counter(
            "fault_retries", "Attempts, or checks of answers, made again after a fault", "kind"
        )
        self._support = counter("support", "Accepted training rollouts by whether their code supports them", "support")
        self._tokens = counter("model_tokens", "Tokens sampled from the policy")
        self._in_flight = gauge("requests_in_flight", "Unfinished requests in the engine")
        self._version = gauge("policy_version", "Version of the policy in the engine")
        self._failures = counter("sandbox_failures", "Code blocks that a failure of the sandbox ended, retried or not")
        self._retries = counter("sandbox_retries", "Code blocks run again in another jail after a failure")
        self._renewals = counter("sandbox_renewals", "Jails that were replaced", "reason")
        self._undecided = counter("answers_undecided", "Comparisons of answers without a verdict", "reason")
        self._waiting = gauge("sandbox_waiting", "Sessions and code blocks that wait for a slot in the sandbox")
        self._sandbox = SandboxStats()  # as last recorded

    def record(self, metrics: Mapping[str, Any], in_flight: int, version: int) -> None:
        """Add stats that were drained from the worker (see `actors.sampling.stats.RolloutStats.to_metrics`)."""
        for outcome, count in metrics["outcomes"].items():
            self._rollouts.inc(count, {"outcome": outcome})
        for status, count in metrics["executions"].items():
            self._executions.inc(count, {"status": status})
        for kind, count in metrics["faults"].items():
            self._faults.inc(count, {"kind": kind})
        for kind, count in metrics["fault_retries"].items():
            self._fault_retries.inc(count, {"kind": kind})
        for support, count in metrics["support"].items():
            self._support.inc(count, {"support": support})
        if metrics["model_tokens"]:
            self._tokens.inc(metrics["model_tokens"])
        self._in_flight.set(in_flight)
        self._version.set(version)

    def record_sandbox(self, stats: SandboxStats, waiting: int) -> None:
        """Add the increase of `stats`, which are totals, since the last call."""
        before, self._sandbox = self._sandbox, stats.copy()
        for metric, increase in (
            (self._failures, stats.failures - before.failures),
            (self._retries, stats.retries - before.retries),
        ):
            if increase:
                metric.inc(increase)
        for reason, increase in (stats.renewals - before.renewals).items():
            self._renewals.inc(increase, {"reason": reason})
        for reason, increase in (stats.undecided - before.undecided).items():
            self._undecided.inc(increase, {"reason": reason})
        self._waiting.set(waiting)
