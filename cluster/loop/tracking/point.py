"""What crosses to a tracker: points, and the run that they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from cluster.config.tracking import TrackingSettings


class Axis(StrEnum):
    """What the steps of a point count. Its value is a metric of the point, which holds the step."""

    POLICY = "policy_version"
    TRAINING = "training/step"


@dataclass(frozen=True, slots=True)
class Point:
    """Metrics at a step. On each axis, steps grow from point to point. `at_s` is in Unix seconds."""

    axis: Axis
    step: int
    at_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as trackers know it.

    `id` stays the same when it is resumed. `folder` is the run's own, and `configuration` holds no secret.
    """

    id: str
    folder: Path
    settings: TrackingSettings
    configuration: Mapping[str, Any]

    @property
    def name(self) -> str:
        """What it is called in a tracker."""
        return self.folder.name


class Tracker(Protocol):
    """Where points go. Any call may block or raise: it happens in a process of its own."""

    where: str
    """How to see the metrics: an address, or a command."""

    logged: Mapping[Axis, int]
    """The last step of each axis that the tracker had when it was opened. It is never given steps up to it."""

    def log(self, points: Sequence[Point]) -> None:
        """Log points. When the call returns they outlive the process."""
        ...

    def close(self) -> None:
        """Complete what is still under way."""
        ...
