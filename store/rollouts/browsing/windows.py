"""Windows of the order of writing, sized by the time that each takes, so that a search ends within its budget."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import RolloutRow

EVERYTHING = 1 << 62
"""The width of a window that covers all rollouts."""

_AIM_S = 0.05
"""A window that took less is followed by one of twice the size, one that took more than twice this by half of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: at the newest rollout, or after a place in the order of writing, in either direction."""

    older_than: int | None = None
    newer_than: int | None = None

    @property
    def is_upwards(self) -> bool:
        """Whether the page has rollouts that are newer than the place."""
        return self.newer_than is not None


@dataclass(frozen=True, slots=True)
class Window:
    """The places `[low, high]` in the order of writing."""

    low: int
    high: int


class Windows:
    """Windows from a place on, until all is covered or `budget_s` is over.

    There is at least one if there is anything to cover, however short the budget, so that each search gets on.
    `stopped_at` is then the last place that was covered, if any may be left.
    """

    def __init__(
        self,
        session: Session,
        place: Place,
        width: int,
        widest: int,
        budget_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stopped_at: int | None = None
        self._session = session
        self._place = place
        self._width = width
        self._widest = widest
        self._clock = clock
        self._ends_at = clock() + budget_s

    def __iter__(self) -> Iterator[Window]:
        low, high = self._bounds()
        while low <= high:
            began_at = self._clock()
            if self._place.is_upwards:
                window = Window(low, min(high, low + self._width - 1))
                low = window.high + 1
            else:
                window = Window(max(low, high - self._width + 1), high)
                high = window.low - 1
            yield window
            if low <= high and self.is_over():
                self.stop_at(window.high if self._place.is_upwards else window.low)
                return
            self._adapt(self._clock() - began_at, self._ends_at - self._clock())

    def is_over(self) -> bool:
        """Whether no time is left."""
        return self._clock() >= self._ends_at

    def stop_at(self, place: int) -> None:
        """End the search within a window, at the last place that was looked at."""
        self.stopped_at = place

    def _bounds(self) -> tuple[int, int]:
        lowest, highest = self._session.execute(select(_LOWEST, _HIGHEST)).one()
        if lowest is None:
            return 1, 0
        older_than, newer_than = self._place.older_than, self._place.newer_than
        low = lowest if newer_than is None else max(lowest, newer_than + 1)
        high = highest if older_than is None else min(highest, older_than - 1)
        return low, high

    def _adapt(self, took_s: float, left_s: float) -> None:
        """Set the width of the next window by the time that the last one took and by what is left."""
        if took_s < _AIM_S:
            self._width = min(2 * self._width, self._widest)
        elif took_s > 2 * _AIM_S:
            self._width = max(self._width // 2, 1)
        if took_s > left_s:
            self._width = max(int(self._width * left_s / took_s), 1)


# Subqueries: of two aggregates in one query, SQLite would look up neither in the index.
_LOWEST = select(func.min(RolloutRow.seq)).scalar_subquery()
_HIGHEST = select(func.max(RolloutRow.seq)).scalar_subquery()
