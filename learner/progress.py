"""Progress of one rank: reported by its work, read by the driver while the work goes on."""

import threading
from dataclasses import dataclass, replace
from typing import Any

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class RankProgress:
    """How far a rank is.

    `count` grows with each sign of progress. `step` of `total` are those of the current or last training. `waits`: it
    waits for another rank. `moves_data`: it reads or writes gigabytes, so that longer gaps are normal. `is_paused`: it
    holds between two steps. `warning` is the last one of this training.
    """

    count: int = 0
    activity: str = "starts"
    step: int = 0
    total: int = 0
    waits: bool = False
    moves_data: bool = False
    is_paused: bool = False
    warning: str | None = None


class ProgressReport:
    """The progress of this rank; any thread may report or read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress = RankProgress()
        self._bytes = 0

    def begin(self, activity: str, *, waits: bool = False, moves_data: bool = False, is_paused: bool = False) -> None:
        """Begin an activity, named by a verb in the third person: "loads the weights"."""
        self._update(0, activity=activity, waits=waits, moves_data=moves_data, is_paused=is_paused)

    def count(self) -> None:
        """Count a sign of progress within the activity."""
        self._update(self._bytes)

    def add_bytes(self, number: int) -> None:
        """Count bytes that were written or read. None at all are no sign of progress."""
        if number:
            self._update(self._bytes + number)

    def set_step(self, step: int, total: int) -> None:
        """Report that `step` of `total` steps are done."""
        self._update(0, activity="trains", step=step, total=total, waits=False, moves_data=False, is_paused=False)

    def warn(self, warning: str | None) -> None:
        """Report something that the operator should know; None takes it back."""
        self._update(self._bytes, warning=warning)

    def read(self) -> RankProgress:
        """The progress at this moment."""
        with self._lock:
            now, done = self._progress, self._bytes
        if now.total:
            now = replace(now, activity=f"{now.activity}, with {now.step} of {now.total} steps done")
        return replace(now, activity=f"{now.activity}, {done / GIB:.2f} GiB so far") if done else now

    def _update(self, total_bytes: int, **changes: Any) -> None:
        with self._lock:
            self._progress = replace(self._progress, count=self._progress.count + 1, **changes)
            self._bytes = total_bytes
