"""Failures and faults are counted once, however often the stats are recorded."""

from collections import Counter
from typing import Any

import pytest

from actors.engine.load import EngineLoad
from actors.sampling import telemetry
from actors.sampling.stats import RolloutStats
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings
from store.records import ExecutionRecord, FaultKind, Outcome, Purpose, Rollout


class Recorder:
    """A stand-in for Ray's metrics, which only a running cluster exports."""

    def __init__(self, name: str, description: str, *options: Any) -> None:
        self.name = name
        self.total: Counter[tuple[str, ...]] = Counter()
        self.value = 0.0
        self.observed: list[float] = []
        self.tags: dict[str, str] = {}

    def set_default_tags(self, tags: dict[str, str]) -> "Recorder":
        self.tags = tags
        return self

    def inc(self, count: float, tags: dict[str, str] | None = None) -> None:
        assert count > 0, "Ray accepts nothing else"
        self.total[tuple((tags or {}).values())] += int(count)

    def set(self, value: float) -> None:
        self.value = value

    def observe(self, value: float) -> None:
        self.observed.append(value)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    for kind in ("Counter", "Gauge", "Histogram"):
        monkeypatch.setattr(telemetry, kind, Recorder)
    return telemetry.SamplerTelemetry("demo-1", 1)


def rollout(kind: FaultKind | None = None, **fields: Any) -> Rollout:
    outcome = Outcome.FAULT if kind else Outcome.ACCEPTED
    return Rollout("1-0", "p", Purpose.TRAIN, outcome, "tir", (1,), (2,), (True,), fault=kind, **fields)


async def test_failures_retries_and_renewals_of_the_sandbox_are_counted_once(recorded: Any) -> None:
    sandbox = Sandbox(SandboxSettings(max_concurrent_sessions=2))
    recorded.record_sandbox(sandbox)
    sandbox.stats.failures, sandbox.stats.retries = 2, 1
    sandbox.stats.renewals["tampering"] += 1
    sandbox.stats.undecided["timeout"] += 2
    recorded.record_sandbox(sandbox)
    recorded.record_sandbox(sandbox)
    sandbox.stats.renewals["tampering"] += 1
    sandbox.stats.failures += 1
    recorded.record_sandbox(sandbox)
    assert recorded._failures.total == {(): 3}
    assert recorded._retries.total == {(): 1}
    assert recorded._renewals.total == {("tampering",): 2}
    assert recorded._undecided.total == {("timeout",): 2}


async def test_the_gauges_of_the_sandbox_follow_its_sessions(recorded: Any) -> None:
    sandbox = Sandbox(SandboxSettings(max_concurrent_sessions=2))
    async with sandbox.session(), sandbox.session():
        recorded.record_sandbox(sandbox)
        assert (recorded._sessions.value, recorded._blocks.value) == (2, 0)
    recorded.record_sandbox(sandbox)
    assert recorded._sessions.value == 0


def test_faults_and_their_retries_are_counted_by_kind(recorded: Any) -> None:
    for kind in (FaultKind.ENGINE, FaultKind.CHECKER, FaultKind.ENGINE, None):
        stats = RolloutStats()
        stats.add(rollout(kind))
        stats.fault_retries["checker"] += 2
        recorded.record(stats)
    assert recorded._faults.total == {("engine",): 2, ("checker",): 1}
    assert recorded._fault_retries.total == {("checker",): 8}
    assert recorded._rollouts.total == {("fault",): 3, ("accepted",): 1}


def test_accepted_rollouts_are_counted_by_support(recorded: Any) -> None:
    stats = RolloutStats()
    stats.support.update({"supported": 3, "no_code": 1})
    recorded.record(stats)
    recorded.record(stats)
    assert recorded._support.total == {("supported",): 6, ("no_code",): 2}


def test_the_seconds_of_rollouts_and_blocks_are_observed_one_by_one(recorded: Any) -> None:
    stats = RolloutStats()
    blocks = tuple(ExecutionRecord("ok", "1", seconds=seconds) for seconds in (0.1, 0.2))
    stats.add(rollout(seconds=3.0, executions=blocks))
    recorded.record(stats)
    assert recorded._rollout_seconds.observed == [3.0]
    assert recorded._block_seconds.observed == [0.1, 0.2]


def test_every_metric_names_the_run_and_the_sampler(recorded: Any) -> None:
    recorded.record_engine(EngineLoad(3, 2, 0.5), in_flight=5, version=4)
    metrics = [value for value in vars(recorded).values() if isinstance(value, Recorder)]
    assert len(metrics) > 15
    assert all(metric.tags == {"run": "demo-1", "sampler": "1"} for metric in metrics)
    assert (recorded._running.value, recorded._queued.value, recorded._kv_cache.value) == (3, 2, 0.5)
    assert (recorded._in_flight.value, recorded._version.value) == (5, 4)
