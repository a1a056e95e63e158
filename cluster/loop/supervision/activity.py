"""What a run does, and what holds it up: shared by the loop, which says so, and the heartbeat, which stores it."""

import logging
import threading
from collections.abc import Sequence

from cluster.loop.progress import Progress

log = logging.getLogger(__name__)


class Activity:
    """A line of text that may be read from another thread."""

    def __init__(self) -> None:
        self._changed = threading.Event()
        self._text: str | None = None
        self._holdups: frozenset[str] = frozenset()

    @property
    def text(self) -> str | None:
        """The line; None before the loop runs."""
        return self._text

    @property
    def num_holdups(self) -> int:
        """How many things hold the run up."""
        return len(self._holdups)

    def report(self, doing: Sequence[str], holdups: Sequence[str], progress: Progress) -> None:
        """Say what the run does; what holds it up is also logged and noted on the screen when it begins."""
        now = frozenset(holdups)
        for line in holdups:
            if line not in self._holdups:
                log.warning("%s", line)
                progress.note(line)
        self._holdups = now
        text = "; ".join([*doing, *holdups]) or None
        if text != self._text:
            self._text = text
            self._changed.set()

    def wake(self) -> None:
        """End a wait for a change."""
        self._changed.set()

    def wait_for_change(self, timeout_s: float) -> None:
        """Return when the line has changed since the last call, or after `timeout_s` seconds."""
        self._changed.wait(timeout_s)
        self._changed.clear()
