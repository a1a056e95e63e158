"""A page that is rendered again when it is old, once for all who look at it."""

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from store.errors import StoreError

_LEAST_AGE_S, _LONGEST_AGE_S = 4.0, 60.0
_COST_FACTOR = 5
"""How many times as long as its rendering took a page is shown, within these limits."""
_ERROR_AGE_S = 2.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page with a tag that changes whenever its content does."""

    page: str
    tag: str


class LivePage:
    """Renders a page on demand. While one reader's request renders it again, the others get the one before."""

    def __init__(self, render: Callable[[], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._render = render
        self._clock = clock
        self._lock = threading.Lock()
        self._latest: Rendered | None = None
        self._error: StoreError | None = None
        self._valid_until = 0.0

    def get(self) -> Rendered:
        """The page.

        Raises:
            StoreError: the store could not be read a moment ago.
        """
        if self._clock() >= self._valid_until and self._lock.acquire(blocking=self._latest is None):
            try:
                if self._clock() >= self._valid_until:
                    self._renew()
            finally:
                self._lock.release()
        if self._error is not None:
            raise self._error
        assert self._latest is not None
        return self._latest

    def _renew(self) -> None:
        began_at = self._clock()
        try:
            page = self._render()
        except StoreError as error:
            self._error, self._valid_until = error, self._clock() + _ERROR_AGE_S
            return
        self._latest = Rendered(page, f'"{hashlib.sha256(page.encode("utf-8", "replace")).hexdigest()[:20]}"')
        self._error = None
        took_s = self._clock() - began_at
        self._valid_until = self._clock() + min(max(_LEAST_AGE_S, _COST_FACTOR * took_s), _LONGEST_AGE_S)
