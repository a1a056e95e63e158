"""The gauges of the loop follow its figures, and those of what is gone fall to 0."""

from typing import Any

import pytest

from cluster.loop.iteration import telemetry
from cluster.loop.iteration.telemetry import Moment


class Recorder:
    """A stand-in for Ray's gauge, which only a running cluster exports."""

    def __init__(self, name: str, description: str, tag_keys: tuple[str, ...]) -> None:
        self.values: dict[tuple[str, ...], float] = {}

    def set_default_tags(self, tags: dict[str, str]) -> None:
        assert tags == {"run": "demo-1"}

    def set(self, value: float, tags: dict[str, str] | None = None) -> None:
        self.values[tuple((tags or {}).values())] = value


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(telemetry, "Gauge", Recorder)
    return telemetry.LoopTelemetry("demo-1")


def figures(lag_tokens: dict[str, int]) -> dict[str, Any]:
    return {"iteration": 2, "pass@1": 0.5, "loss": None, "seconds": {"learn": 3.0}, "lag_tokens": lag_tokens}


def test_lags_that_the_latest_training_set_no_longer_has_fall_to_0(recorded: Any) -> None:
    recorded.record(figures({"0": 30, "2": 10}))
    assert recorded._mean_lag.values == {(): 0.5}
    recorded.record(figures({"0": 40}))
    assert recorded._lag.values == {("0",): 40, ("2",): 0}
    assert recorded._mean_lag.values == {(): 0.0}


def test_figures_that_an_iteration_does_not_have_keep_their_gauge(recorded: Any) -> None:
    recorded.record(figures({}))
    assert recorded._iteration["pass@1"].values == {(): 0.5}
    assert recorded._iteration["loss"].values == {}
    assert recorded._mean_lag.values == {}


def test_every_field_of_a_moment_is_a_gauge(recorded: Any) -> None:
    recorded.record_moment(Moment(1.5, True, 2, 3, 4, 5, 6, 7, 8))
    assert [gauge.values[()] for gauge in recorded._moment.values()] == [1.5, 1, 2, 3, 4, 5, 6, 7, 8]
