"""Ctrl-C and SIGTERM: a run stops at its next safe point, a server shuts down."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from cluster.loop.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignal:
    """Stops a run at its next safe point after the first signal, and at once after the second."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._received = threading.Event()

    def is_set(self) -> bool:
        """Whether the run should stop at its next safe point."""
        return self._received.is_set()

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM for the time of the context. A second signal raises `KeyboardInterrupt`."""
        previous = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._received.is_set():
            raise KeyboardInterrupt
        self._received.set()
        self._progress.note("stopping at the next safe point (Ctrl-C again stops at once)")


@contextmanager
def signals_raise_keyboard_interrupt() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for SIGINT and SIGTERM, so that everything is shut down.

    By default, Ray exits at once on SIGTERM, and a process that a shell started in the background ignores SIGINT.
    """
    previous = [signal.signal(number, signal.default_int_handler) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(_SIGNALS, previous, strict=True):
            signal.signal(number, handler)
