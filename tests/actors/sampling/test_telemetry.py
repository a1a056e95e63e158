"""Failures and faults are counted once, however often the stats are recorded."""

from collections import Counter
from typing import Any

import pytest

from actors.sampling import telemetry
from actors.sampling.stats import RolloutStats
from sandbox.stats import SandboxStats
from store.records import FaultKind, Outcome, Purpose, Rollout


class Recorder:
    """A stand-in for Ray's metrics, which only a running cluster exports."""

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...] = ()) -> None:
        self.name = name
        self.total: Counter[tuple[str, ...]] = Counter()
        self.value = 0.0

    def set_default_tags(self, tags: dict[str, str]) -> None: ...

    def inc(self, count: float, tags: dict[str, str] | None = None) -> None:
        assert count > 0, "Ray accepts nothing else"
        self.total[tuple((tags or {}).values())] += int(count)

    def set(self, value: float) -> None:
        self.value = value


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(telemetry, "Counter", Recorder)
    monkeypatch.setattr(telemetry, "Gauge", Recorder)
    return telemetry.SamplerTelemetry(1)


def test_failures_retries_and_renewals_of_the_sandbox_are_counted_once(recorded: Any) -> None:
    stats = SandboxStats()
    recorded.record_sandbox(stats, waiting=0)
    stats.failures, stats.retries = 2, 1
    stats.renewals["tampering"] += 1
    stats.undecided["timeout"] += 2
    recorded.record_sandbox(stats, waiting=7)
    recorded.record_sandbox(stats, waiting=3)
    stats.renewals["tampering"] += 1
    stats.failures += 1
    recorded.record_sandbox(stats, waiting=3)
    assert recorded._failures.total == {(): 3}
    assert recorded._retries.total == {(): 1}
    assert recorded._renewals.total == {("tampering",): 2}
    assert recorded._undecided.total == {("timeout",): 2}
    assert recorded._waiting.value == 3


def test_faults_and_their_retries_are_counted_by_kind(recorded: Any) -> None:
    for kind in (FaultKind.ENGINE, FaultKind.CHECKER, FaultKind.ENGINE, None):
        stats = RolloutStats()
        outcome = Outcome.FAULT if kind else Outcome.ACCEPTED
        stats.add(Rollout("1-0", "p", Purpose.TRAIN, outcome, "tir", (1,), (2,), (True,), fault=kind))
        stats.fault_retries["checker"] += 2
        recorded.record(stats.to_metrics(), in_flight=0, version=1)
    assert recorded._faults.total == {("engine",): 2, ("checker",): 1}
    assert recorded._fault_retries.total == {("checker",): 8}
    assert recorded._rollouts.total == {("fault",): 3, ("accepted",): 1}


def test_accepted_rollouts_are_counted_by_support(recorded: Any) -> None:
    counts = {
        "outcomes": {},
        "executions": {},
        "model_tokens": 0,
        "faults": {},
        "fault_retries": {},
        "support": {"supported": 3, "no_code": 1},
    }
    recorded.record(counts, in_flight=0, version=1)
    recorded.record(counts, in_flight=0, version=1)
    assert recorded._support.total == {("supported",): 6, ("no_code",): 2}
