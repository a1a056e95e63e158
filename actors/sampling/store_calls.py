"""Calls of the store from an event loop: in a thread, and repeated while the store is away, busy or full."""

import asyncio
import logging
import time
from collections.abc import Callable

from store.errors import StoreBusyError, StoreUnreachableError

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_NOTICEABLE_S = 2.0


class StoreCalls:
    """Makes calls that wait for the store, for up to `retry_s` seconds each."""

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._waiting: dict[object, tuple[float, str]] = {}

    @property
    def waits_for(self) -> str | None:
        """Why calls have been waiting for the store for more than a moment; None if they have not."""
        now = time.monotonic()
        return next((reason for since, reason in self._waiting.values() if now - since > _NOTICEABLE_S), None)

    async def call[T](self, call: Callable[[], T]) -> T:
        """The result of a blocking call, made in a thread.

        Raises:
            StoreBusyError, StoreUnreachableError: the store stayed away for `retry_s` seconds.
        """
        since, pause_s, key = time.monotonic(), _FIRST_PAUSE_S, object()
        self._waiting[key] = since, "there is no answer yet"
        try:
            while True:
                try:
                    return await asyncio.to_thread(call)
                except (StoreBusyError, StoreUnreachableError) as error:
                    if time.monotonic() - since > self._retry_s:
                        raise
                    self._waiting[key] = since, str(error)
                    log.warning("store unavailable, retrying in %.1f s: %s", pause_s, error)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
        finally:
            self._waiting.pop(key, None)
