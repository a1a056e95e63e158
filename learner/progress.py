"""Progress of one rank: reported by its work, read by the driver while the work goes on."""

import threading
from dataclasses import dataclass, replace
from typing import Any

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One optimizer step as one rank sees it, for dashboards and trackers.

    Attributes:
        step: Its number in the training, from 1.
        loss: This rank's part [nats per token], whose mean over all ranks is the loss of the step. None if the step
            was skipped because it or the gradient norm was not finite.
        grad_norm: Of all ranks, before clipping. None if the step was skipped.
        learning_rate: That of the step.
        loss_tokens: The tokens that the loss covers, on all ranks.
        tokens: An equal share of these.
        seconds: Wall time.
    """

    step: int
    loss: float | None
    grad_norm: float | None
    learning_rate: float
    loss_tokens: int
    tokens: float
    seconds: float


@dataclass(frozen=True, slots=True)
class RankProgress:
    """How far a rank is.

    `count` grows with each sign of progress. `step` of `total` are those of the current or last training. `waits`: it
    waits for another rank. `moves_data`: it reads or writes gigabytes, so that longer gaps are normal. `is_paused`: it
    holds between two steps. `warning` is the last one of this training. `last_step` is the last step.
    """

    count: int = 0
    activity: str = "starts"
    step: int = 0
    total: int = 0
    waits: bool = False
    moves_data: bool = False
    is_paused: bool = False
    warning: str | None = None
    last_step: StepFigures | None = None


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

    def take_step(self, values: StepFigures | None) -> None:
        """Report what a step was like; None when another training begins."""
        self._update(0, last_step=values)

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
