"""A sampler's figures as Ray metrics: Prometheus scrapes them, the Ray dashboard shows them."""

from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge

from sandbox.stats import SandboxStats


class SamplerTelemetry:
    """Counts rollouts, tokens and code blocks; gauges what is in flight and which policy is loaded.

    Failures of the sandbox are counted apart from what blocks came to: most are retried and leave no trace in those.
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
        self._tokens = counter("model_tokens", "Tokens sampled from the policy")
        self._in_flight = gauge("requests_in_flight", "Requests under way in the engine")
        self._version = gauge("policy_version", "Version of the policy in the engine")
        self._failures = counter("sandbox_failures", "Code blocks that a failure of the sandbox ended, retried or not")
        self._retries = counter("sandbox_retries", "Those of them that were run again in another jail")
        self._renewals = counter("sandbox_renewals", "Jails that were replaced", "reason")
        self._waiting = gauge("sandbox_waiting", "Sessions and code blocks that wait for their turn in the sandbox")
        self._sandbox = SandboxStats()  # as it was when last recorded

    def record(self, metrics: Mapping[str, Any], in_flight: int, version: int) -> None:
        """Adds what a tally counted (see `actors.worker.as_metrics`)."""
        for outcome, count in metrics["outcomes"].items():
            self._rollouts.inc(count, {"outcome": outcome})
        for status, count in metrics["executions"].items():
            self._executions.inc(count, {"status": status})
        if metrics["model_tokens"]:
            self._tokens.inc(metrics["model_tokens"])
        self._in_flight.set(in_flight)
        self._version.set(version)

    def record_sandbox(self, counts: SandboxStats, waiting: int) -> None:
        """Adds what has come to `counts`, which only rise, since the last call."""
        before, self._sandbox = self._sandbox, counts.copy()
        for metric, risen in (
            (self._failures, counts.failures - before.failures),
            (self._retries, counts.retries - before.retries),
        ):
            if risen:
                metric.inc(risen)
        for reason, risen in (counts.renewals - before.renewals).items():
            self._renewals.inc(risen, {"reason": reason})
        self._waiting.set(waiting)
