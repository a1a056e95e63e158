"""A semaphore that is fair between callers."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class FairSemaphore:
    """At most `slots` are held at one time.

    Waiters are served round robin by caller, and those of one caller in order of arrival: a caller with a thousand
    waiters delays another by a single slot.
    """

    def __init__(self, slots: int) -> None:
        self._slots = self._free = slots
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def held(self) -> int:
        """How many slots are held."""
        return self._slots - self._free

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def slot(self, caller: Hashable) -> AsyncIterator[None]:
        """Acquire a slot for the length of a `with` block."""
        await self.acquire(caller)
        try:
            yield
        finally:
            self.release()

    async def acquire(self, caller: Hashable) -> None:
        """Wait for a slot. A cancelled wait leaves the queue and loses no slot."""
        if self._free > 0:
            self._free -= 1
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._remove(caller, waiter)
            else:  # the slot had been passed to this waiter already
                self.release()
            raise

    def release(self) -> None:
        """Give a slot back: it passes to the next waiter, if there is one."""
        while self._queues:
            caller, queue = self._queues.popitem(last=False)
            waiter = queue.popleft()
            if queue:
                self._queues[caller] = queue  # behind all others
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _remove(self, caller: Hashable, waiter: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller, deque())
        if waiter in queue:  # otherwise `release` has skipped it
            queue.remove(waiter)
            if not queue:
                del self._queues[caller]
