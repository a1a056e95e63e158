"""A sampler's stats as Ray metrics, which Prometheus scrapes and the dashboards show (docs/monitoring.md)."""

from collections.abc import Mapping

from ray.util.metrics import Counter, Gauge, Histogram

from actors.engine.load import EngineLoad
from actors.sampling.stats import RolloutStats
from sandbox.interpreter import Sandbox
from sandbox.stats import SandboxStats

_ROLLOUT_S = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 3000.0]
_BLOCK_S = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0]


class SamplerTelemetry:
    """Counters of what the store acknowledged and of what failed; gauges of the engine's and the sandbox's load.

    Failures of the sandbox and retries after faults have counters of their own: most retries succeed, so that neither
    the statuses of code blocks nor the outcomes of rollouts show them.
    """

    def __init__(self, run: str, worker_index: int) -> None:
        self._tags = {"run": run, "sampler": str(worker_index)}
        self._sandbox = SandboxStats()  # as last recorded
        self._make_rollout_metrics()
        self._make_engine_metrics()
        self._make_sandbox_metrics()

    def _make_rollout_metrics(self) -> None:
        counter = self._counter
        self._rollouts = counter("rollouts", "Rollouts that the store acknowledged", "outcome")
        self._rollout_seconds = self._histogram("rollout_seconds", "Wall time of a rollout", _ROLLOUT_S)
        self._faults = counter("faults", "Rollouts with the outcome fault", "kind")
        self._fault_retries = counter(
            "fault_retries", "Attempts and checks of answers made again after a fault", "kind"
        )
        self._support = counter("support", "Accepted training rollouts by whether their code supports them", "support")
        self._tokens = counter("model_tokens", "Tokens sampled from the policy")

    def _make_engine_metrics(self) -> None:
        gauge = self._gauge
        self._in_flight = gauge("requests_in_flight", "Unfinished requests in the engine")
        self._version = gauge("policy_version", "Version of the policy in the engine; -1 before it has started")
        self._running = gauge("engine_running", "Requests that the engine computes")
        self._queued = gauge("engine_waiting", "Requests that wait for room in the engine")
        self._kv_cache = gauge("engine_kv_cache_use", "Share of the engine's KV cache that is in use")

    def _make_sandbox_metrics(self) -> None:
        counter, gauge = self._counter, self._gauge
        self._executions = counter("executions", "Code blocks run in the sandbox", "status")
        self._block_seconds = self._histogram("block_seconds", "Wall time of a code block", _BLOCK_S)
        self._failures = counter("sandbox_failures", "Code blocks that a failure of the sandbox ended, retried or not")
        self._retries = counter("sandbox_retries", "Code blocks run again in another jail after a failure")
        self._renewals = counter("sandbox_renewals", "Jails that were replaced", "reason")
        self._undecided = counter("answers_undecided", "Comparisons of answers without a verdict", "reason")
        self._sessions = gauge("sandbox_sessions", "Open sessions in the sandbox")
        self._blocks = gauge("sandbox_running_blocks", "Code blocks that compute in the sandbox")
        self._waiting = gauge("sandbox_waiting", "Sessions and code blocks that wait for a slot in the sandbox")

    def record(self, stats: RolloutStats) -> None:
        """Add what was drained from the worker."""
        for counter, tag, counts in (
            (self._rollouts, "outcome", stats.outcomes),
            (self._executions, "status", stats.executions),
            (self._faults, "kind", stats.faults),
            (self._fault_retries, "kind", stats.fault_retries),
            (self._support, "support", stats.support),
        ):
            _add(counter, tag, counts)
        if stats.model_tokens:
            self._tokens.inc(stats.model_tokens)
        for seconds in stats.rollout_seconds:
            self._rollout_seconds.observe(seconds)
        for seconds in stats.block_seconds:
            self._block_seconds.observe(seconds)

    def record_engine(self, load: EngineLoad, in_flight: int, version: int) -> None:
        """Set the gauges of the engine."""
        self._in_flight.set(in_flight)
        self._version.set(version)
        self._running.set(load.running)
        self._queued.set(load.waiting)
        self._kv_cache.set(load.kv_cache_use)

    def record_sandbox(self, sandbox: Sandbox) -> None:
        """Set the gauges of the sandbox, and add the increase of its stats, which are totals, since the last call."""
        before, now = self._sandbox, sandbox.stats.copy()
        self._sandbox = now
        for counter, increase in (
            (self._failures, now.failures - before.failures),
            (self._retries, now.retries - before.retries),
        ):
            if increase:
                counter.inc(increase)
        _add(self._renewals, "reason", now.renewals - before.renewals)
        _add(self._undecided, "reason", now.undecided - before.undecided)
        self._sessions.set(sandbox.open_sessions)
        self._blocks.set(sandbox.running_blocks)
        self._waiting.set(sandbox.waiting)

    # ---------------------------------------------------------------- metrics with the tags of this sampler

    def _counter(self, name: str, description: str, *tags: str) -> Counter:
        return Counter(f"automathes_{name}", description, (*self._tags, *tags)).set_default_tags(self._tags)

    def _gauge(self, name: str, description: str) -> Gauge:
        return Gauge(f"automathes_{name}", description, tuple(self._tags)).set_default_tags(self._tags)

    def _histogram(self, name: str, description: str, boundaries: list[float]) -> Histogram:
        metric = Histogram(f"automathes_{name}", description, boundaries, tuple(self._tags))
        return metric.set_default_tags(self._tags)


def _add(counter: Counter, tag: str, counts: Mapping[str, int]) -> None:
    for value, count in counts.items():
        counter.inc(count, {tag: value})
