"""A deadline that moves: its limit is computed anew while it runs."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

_RECHECK_S = 30.0


class Deadline:
    """Ends the block that it is entered for with TimeoutError, once the limit is exceeded.

    `expired` distinguishes it from the TimeoutErrors of the block itself.
    """

    def __init__(self, limit_s: Callable[[], float | None], clock: Callable[[], float]) -> None:
        """
        Args:
            limit_s: The limit as of now, None for no limit yet.
            clock: The seconds that count.
        """
        self._limit_s = limit_s
        self._clock = clock
        self._timeout = asyncio.timeout(None)
        self._check_handle: asyncio.TimerHandle | None = None
        self._started_s = 0.0
        self.passed_s = 0.0

    @property
    def expired(self) -> bool:
        """Whether the limit was exceeded."""
        return self._timeout.expired()

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._started_s = self._clock()
        self._check()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._check_handle is not None:
            self._check_handle.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def _check(self) -> None:
        loop, limit_s = asyncio.get_running_loop(), self._limit_s()
        self.passed_s = self._clock() - self._started_s
        left_s = _RECHECK_S if limit_s is None else limit_s - self.passed_s
        if left_s <= 0:
            self._timeout.reschedule(loop.time())
        else:
            self._check_handle = loop.call_later(min(left_s, _RECHECK_S), self._check)
