"""When requests may be sent: not while the server asked to wait, and not after the job was told to stop."""

import asyncio
import random
import time

from actors.annotation.endpoint.failures import RequestFailure
from actors.annotation.settings import AnnotationSettings

_LONGEST_PAUSE_S = 60.0


class Stopped(Exception):  # noqa: N818 - an end, not an error
    """The job was told to stop, and sends nothing more."""


class Stop:
    """Whether the job was told to stop. What is under way then is still answered and stored."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Tell the job to stop."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        """Whether it was told to."""
        return self._event.is_set()

    async def wait(self) -> None:
        """Wait until it is told to."""
        await self._event.wait()

    async def sleep(self, seconds: float) -> None:
        """Sleep. Raises `Stopped` as soon as the job is told to stop."""
        if seconds > 0 and not self.is_set:
            try:
                async with asyncio.timeout(seconds):
                    await self._event.wait()
            except TimeoutError:
                return
        if self.is_set:
            raise Stopped


class Pace:
    """The pauses of all requests to an endpoint. What one of them is told holds for all."""

    def __init__(self, settings: AnnotationSettings, stop: Stop) -> None:
        self._settings = settings
        self._stop = stop
        self._not_before_s = 0.0

    async def wait(self) -> None:
        """Wait until a request may be sent. Raises `Stopped` if the job is told to stop before."""
        await self._stop.sleep(0.0)
        while (left_s := self._not_before_s - time.monotonic()) > 0:
            await self._stop.sleep(left_s)

    async def pause(self, failure: RequestFailure, failures: int) -> None:
        """Wait after the nth failure of a request: as long as the server asked for, or with exponential backoff.

        Pauses have jitter, so that requests that failed together are not sent again together.
        """
        backoff_s = min(self._settings.retry_pause_s * 2 ** (failures - 1), _LONGEST_PAUSE_S)
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 - a pause, not a secret
        if failure.wait_s is None:
            await self._stop.sleep(backoff_s * jitter)
            return
        self._not_before_s = max(self._not_before_s, time.monotonic() + failure.wait_s)
        await self._stop.sleep(failure.wait_s + min(backoff_s, self._settings.retry_pause_s) * (jitter - 0.5))
