"""The pace of a sampler: how many attempts it completes per second, and so how many it should hold."""

import time
from collections import deque
from collections.abc import Callable
from math import ceil

_WINDOW_S = 10.0

LONGEST_IDLE_S = 1.0
"""Seconds between two attempts to lease of a worker that has found nothing for a while."""


class Pace:
    """Completions of the last seconds. What is held beyond the slots is what they take within `lookahead_s`."""

    def __init__(self, slots: int, lookahead_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._lookahead_s = lookahead_s
        self._clock = clock
        self._completed: deque[float] = deque()

    def count(self) -> None:
        """Count a completed attempt."""
        self._completed.append(self._clock())

    @property
    def per_s(self) -> float:
        """Attempts completed per second."""
        now = self._clock()
        while self._completed and self._completed[0] < now - _WINDOW_S:
            self._completed.popleft()
        return len(self._completed) / _WINDOW_S

    def room(self, held: int) -> int:
        """How many attempts to lease, given those that are under way or queued; 0 until it is worth a lease."""
        lookahead = min(self._slots, ceil(self.per_s * self._lookahead_s))
        room = self._slots + lookahead - held
        return room if room >= max(1, min(lookahead, self._slots // 4)) else 0
