"""What a run tells of itself while it goes: phases, steps within them, and a line an iteration."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol


class Progress(Protocol):
    """Hears of a run's course. The live view and the plain lines implement it; a Tune trial has none."""

    def phase(self, name: str, total: int | None = None) -> AbstractContextManager[None]:
        """A phase begins, and ends with the context. `total`: its steps, if they can be counted."""
        ...

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """The phase that runs has done so many of its steps."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line of its own."""
        ...

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """An iteration ended with these figures (see `cluster.loop.algorithm.SelfTraining.figures`)."""
        ...


class Silence:
    """Tells nobody."""

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        """Begins and ends unseen."""
        yield

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """Unseen."""

    def note(self, text: str) -> None:
        """Unheard."""

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """Unseen."""
