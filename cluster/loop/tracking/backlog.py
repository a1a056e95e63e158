"""The points that a tracker is still to get."""

import threading
from collections import deque
from collections.abc import Iterable, Mapping

from cluster.loop.tracking.point import Axis, Point

MAX_STEPS = 20_000
"""Steps of trainings that are kept while a tracker is away, some tens of megabytes. What policies have is kept without
a limit: it is a point for each of them."""

_BATCH = 200


class Backlog:
    """Points in the order of their steps; any thread may add and take. Those that the tracker has are left out."""

    def __init__(self, max_steps: int = MAX_STEPS) -> None:
        self.is_closed = False
        self.dropped = 0
        """Steps of trainings that were given up, because the tracker was away for too long."""
        self._changed = threading.Condition()
        self._points: dict[Axis, deque[Point]] = {Axis.POLICY: deque(), Axis.TRAINING: deque(maxlen=max_steps)}
        self._last: dict[Axis, int] = dict.fromkeys(Axis, -1)

    def __len__(self) -> int:
        return sum(map(len, self._points.values()))

    def add(self, points: Iterable[Point]) -> None:
        """Add points, except those of steps that were added or logged before."""
        with self._changed:
            for point in points:
                if point.step > self._last[point.axis]:
                    self._last[point.axis] = point.step
                    queue = self._points[point.axis]
                    self.dropped += len(queue) == queue.maxlen
                    queue.append(point)
            self._changed.notify_all()

    def remove_logged(self, logged: Mapping[Axis, int]) -> None:
        """Remove the points up to the last step that the tracker has on each axis."""
        with self._changed:
            for axis, step in logged.items():
                self._last[axis] = max(self._last[axis], step)
                queue = self._points[axis]
                while queue and queue[0].step <= step:
                    queue.popleft()

    def next_batch(self) -> list[Point] | None:
        """The next points, which stay until they are removed; waits for some. None once it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: len(self) or self.is_closed)
            batch = [point for queue in self._points.values() for point, _ in zip(queue, range(_BATCH), strict=False)]
            return batch or None

    def close(self) -> None:
        """Let those who wait go on: nothing is added any more."""
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()

    def wait_for_close(self, timeout_s: float) -> None:
        """Wait until it is closed, for at most `timeout_s` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_closed, timeout_s)
