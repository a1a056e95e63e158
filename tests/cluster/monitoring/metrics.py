"""The metrics that the product declares, and those that expressions name."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from actors.sampling import telemetry as sampler
from cluster.loop.iteration import telemetry as loop
from cluster.serving.metrics.instruments import INSTRUMENTS, PREFIX
from learner.ranks import telemetry as rank

SERVING = {f"ray_{PREFIX}{instrument.name}": {*instrument.labels} for instrument in INSTRUMENTS}
"""Of a server: what its metrics are called, and their labels."""
OF_RAY = {"SessionName", "ip", "instance", "job", "le"}
_NAME = re.compile(r"\bray_\w+|\bup\b")
_SERIES = re.compile(r"\b(ray_\w+|up)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)=~?\"")
_BY = re.compile(r"\b(?:by|on|group_right) \(([^)]*)\)")


@dataclass
class Declared:
    """A stand-in for Ray's metrics that keeps what it was made with."""

    name: str
    description: str
    rest: tuple[Any, ...]

    @property
    def tags(self) -> set[str]:
        """Its labels."""
        return set(self.rest[-1])

    def set_default_tags(self, tags: dict[str, str]) -> "Declared":
        assert set(tags) <= self.tags
        return self


def declared(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The names under which Prometheus sees the metrics of samplers, ranks and the driver, and their labels."""
    found: dict[str, set[str]] = {}

    def recorder(suffix: str) -> Any:
        def make(name: str, description: str, *rest: Any, tag_keys: tuple[str, ...] = ()) -> Declared:
            made = Declared(name, description, (*rest, tag_keys) if tag_keys else rest)
            found[f"ray_{name}{suffix}"] = made.tags
            return made

        return make

    for module in (sampler, loop, rank):
        for kind, suffix in (("Counter", "_total"), ("Gauge", ""), ("Histogram", "")):
            monkeypatch.setattr(module, kind, recorder(suffix), raising=False)
    sampler.SamplerTelemetry("demo-1", 1)
    loop.LoopTelemetry("demo-1")
    rank.LearnerTelemetry("demo-1", 0)
    return found


def named(expr: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric that an expression names, without a suffix of histograms, and the labels it is chosen by."""
    for name, matchers in _SERIES.findall(expr):
        yield re.sub(r"_(bucket|sum|count)$", "", name), set(_MATCHER.findall(matchers))


def grouped_by(expr: str) -> set[str]:
    """The labels that an expression groups or joins by."""
    return {label.strip() for group in _BY.findall(expr) for label in group.split(",") if label.strip()}
