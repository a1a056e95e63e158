"""What the process of a tracker answers to the driver."""

from collections.abc import Mapping
from dataclasses import dataclass

from cluster.loop.tracking.point import Axis


@dataclass(frozen=True, slots=True)
class Opened:
    """The tracker is open: where its metrics are seen, and the last step of each axis that it has."""

    where: str
    logged: Mapping[Axis, int]


@dataclass(frozen=True, slots=True)
class Logged:
    """The points of the last message are logged."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The tracker raised an error, and the process ends."""

    message: str
