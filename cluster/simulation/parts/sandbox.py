"""The simulated sandbox: code blocks that take a core each, in the order of their arrival."""

from collections import deque
from collections.abc import Callable

from cluster.simulation.parts.events import EventQueue


class SimulatedSandbox:
    """Runs up to `cores` blocks at a time; the others wait."""

    def __init__(self, events: EventQueue, cores: int) -> None:
        self._events = events
        self._free = cores
        self._waiting: deque[tuple[float, Callable[..., None], object]] = deque()

    def submit(self, seconds: float, done: Callable[..., None], attempt: object) -> None:
        """Run a block; call `done(attempt)` at its end."""
        if self._free:
            self._free -= 1
            self._events.after(seconds, self._end, done, attempt)
        else:
            self._waiting.append((seconds, done, attempt))

    def _end(self, done: Callable[..., None], attempt: object) -> None:
        if self._waiting:
            seconds, next_done, next_attempt = self._waiting.popleft()
            self._events.after(seconds, self._end, next_done, next_attempt)
        else:
            self._free += 1
        done(attempt)
