"""Simulated time: a queue of events in the order of their time, and of their making where that is equal."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any


class EventQueue:
    """The clock of a simulation and what is still to happen."""

    def __init__(self) -> None:
        self.now = 0.0
        """Simulated seconds since the start."""
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()

    def at(self, time_s: float, action: Callable[..., None], *arguments: Any) -> None:
        """Call `action` at a time, which is not in the past."""
        heappush(self._events, (max(time_s, self.now), next(self._numbers), action, arguments))

    def after(self, delay_s: float, action: Callable[..., None], *arguments: Any) -> None:
        """Call `action` after a delay [s]."""
        heappush(self._events, (self.now + delay_s, next(self._numbers), action, arguments))

    def run(self, is_finished: Callable[[], bool]) -> None:
        """Let events happen until there are none or `is_finished` holds."""
        events = self._events
        while events and not is_finished():
            self.now, _, action, arguments = heappop(events)
            action(*arguments)
