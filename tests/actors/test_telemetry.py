"""The sandbox's failures are counted once each, whenever they are looked at."""

from collections import Counter
from typing import Any

import pytest

from actors import telemetry
from sandbox.stats import SandboxStats


class Recorder:
    """Stands in for Ray's metrics, which only a running cluster can be asked for."""

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...] = ()) -> None:
        self.name = name
        self.total: Counter[tuple[str, ...]] = Counter()
        self.value = 0.0

    def set_default_tags(self, tags: dict[str, str]) -> None: ...

    def inc(self, count: float, tags: dict[str, str] | None = None) -> None:
        assert count > 0, "Ray refuses anything else"
        self.total[tuple((tags or {}).values())] += int(count)

    def set(self, value: float) -> None:
        self.value = value


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(telemetry, "Counter", Recorder)
    monkeypatch.setattr(telemetry, "Gauge", Recorder)
    return telemetry.SamplerTelemetry(1)


def test_failures_retries_and_renewals_of_the_sandbox_are_counted_once(recorded: Any) -> None:
    counts = SandboxStats()
    recorded.record_sandbox(counts, waiting=0)
    counts.failures, counts.retries = 2, 1
    counts.renewals["tampering"] += 1
    recorded.record_sandbox(counts, waiting=7)
    recorded.record_sandbox(counts, waiting=3)
    counts.renewals["tampering"] += 1
    counts.failures += 1
    recorded.record_sandbox(counts, waiting=3)
    assert recorded._failures.total == {(): 3}
    assert recorded._retries.total == {(): 1}
    assert recorded._renewals.total == {("tampering",): 2}
    assert recorded._waiting.value == 3
