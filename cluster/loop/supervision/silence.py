"""The limit on silence: a run in which nothing makes progress for too long ends, and says what it waited for."""

import time
from collections.abc import Callable


class StalledError(TimeoutError):
    """Nothing has made progress for too long; the message says for how long, and what is missing."""


class SilenceWatch:
    """Compares signs of progress between polls."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._seen: object = None
        self._since = clock()

    def reset(self) -> None:
        """Begin to wait anew: something that is not watched went on, or nothing is meant to."""
        self._since = self._clock()

    def check(self, signs: object, describe: Callable[[], str]) -> None:
        """Raise `StalledError` if the signs have not changed for the limit. `describe` says what is waited for."""
        if signs != self._seen:
            self._seen, self._since = signs, self._clock()
        elif (silent_s := self._clock() - self._since) > self._limit_s:
            raise StalledError(f"nothing has made progress for {silent_s:.0f} s (ray.stall_s): {describe()}")
