"""Progress of a run: phases, steps within them, notes, and the figures of an iteration."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    """Receives the progress of a run. The live view and the plain lines implement it; a Tune trial has none."""

    def phase(self, name: str, total: int | None = None) -> AbstractContextManager[None]:
        """A phase, for the time of the context. `total`: its number of steps, if known."""
        ...

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """Steps done in the running phase."""
        ...

    def track(self, name: str, done: int, total: int, detail: str = "") -> None:
        """Progress of an activity beside the phases, such as sampling while the learner trains."""
        ...

    def untrack(self, name: str) -> None:
        """An activity has ended, or has nothing to do for now."""
        ...

    def note(self, text: str) -> None:
        """A message that deserves a line of its own."""
        ...

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """The figures of an iteration that ended (see `cluster.loop.iteration.telemetry.iteration_figures`)."""
        ...


class NullProgress:
    """Discards all progress."""

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        """Run the context."""
        yield

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """Do nothing."""

    def track(self, name: str, done: int, total: int, detail: str = "") -> None:
        """Do nothing."""

    def untrack(self, name: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """Do nothing."""
