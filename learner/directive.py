"""What a training is told while it runs, and how it ends when it is told to stop."""

from enum import StrEnum


class Directive(StrEnum):
    """A directive to a running training, in ascending order of precedence: ranks that differ follow the last."""

    RUN = "run"
    PAUSE = "pause"
    """Hold at the end of the step, with everything in memory."""
    STOP = "stop"
    """Save a checkpoint at the end of the step and return."""


class TrainingInterrupted(Exception):  # noqa: N818 - not an error: the training was told to stop
    """The training was stopped after `step` of `total` steps; a checkpoint holds them if `is_saved`."""

    def __init__(self, step: int, total: int, is_saved: bool) -> None:
        super().__init__(step, total, is_saved)
        self.step = step
        self.total = total
        self.is_saved = is_saved

    def __str__(self) -> str:
        saved = "a checkpoint holds them" if self.is_saved else "they could not be saved"
        return f"the training was stopped after {self.step} of {self.total} steps; {saved}"
