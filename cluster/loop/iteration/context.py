"""The context that the parts of the loop share, and the timing of phases."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.control import Control, Operator
from cluster.loop.supervision.fleet import Fleet
from cluster.loop.tracking.tracking import Tracking
from store.store import Store

log = logging.getLogger(__name__)


class Phases:
    """Runs phases one after the other and adds up their wall-clock seconds by name."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self._seconds: Counter[str] = Counter()

    @contextmanager
    def run(self, name: str, total: int | None = None) -> Iterator[None]:
        """A phase, for the time of the context. `total`: its number of steps, if known."""
        began = time.monotonic()
        log.info("%s", name)
        with self._operator.progress.phase(name, total):
            yield
        self._seconds[name] += time.monotonic() - began  # type: ignore[assignment]

    def take_seconds(self) -> Counter[str]:
        """The seconds by phase since the last call."""
        seconds, self._seconds = self._seconds, Counter()
        return seconds


@dataclass(frozen=True, slots=True)
class LoopContext:
    """What the loop uses of a run: configuration, folder, store, fleet, progress, timing, control and tracking."""

    run: RunConfig
    folder: RunFolder
    store: Store
    fleet: Fleet
    operator: Operator
    phases: Phases
    control: Control
    tracking: Tracking
