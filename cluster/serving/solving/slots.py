"""The slots of a server: how many texts are made at one time, how many wait, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cluster.config.serving import ServingSettings
from cluster.serving.errors import ApiError
from sandbox.fair_semaphore import FairSemaphore


class Slots:
    """Admits texts, fairly between clients: one with a thousand texts delays another by a single slot."""

    def __init__(self, slots: int, settings: ServingSettings) -> None:
        self._semaphore = FairSemaphore(slots)
        self._settings = settings
        self.in_flight = 0  # texts that are being made

    @property
    def waiting(self) -> int:
        """The number of texts that wait for a slot."""
        return self._semaphore.waiting

    def require_room(self, texts: int) -> None:
        """Check that a request's texts may wait.

        Raises:
            ApiError: too many wait already.
        """
        limit = self._settings.max_waiting
        if self.waiting + texts > max(limit, texts):
            message = f"the server is busy: {self.waiting} texts wait already, of at most {limit}: repeat the request"
            raise ApiError(429, message, code="server_busy", retry_after_s=self._settings.retry_after_s)

    @asynccontextmanager
    async def slot(self, caller: str) -> AsyncIterator[None]:
        """Hold a slot for the length of a `with` block.

        Raises:
            ApiError: none became free in time.
        """
        try:
            async with asyncio.timeout(self._settings.queue_s):
                await self._semaphore.acquire(caller)
        except TimeoutError:
            message = f"the server is busy: no slot became free in {self._settings.queue_s:g} s: repeat the request"
            raise ApiError(429, message, code="server_busy", retry_after_s=self._settings.retry_after_s) from None
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._semaphore.release()
