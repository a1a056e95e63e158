"""A bounded number of turns, handed out fairly between callers."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """At most `count` turns are taken at one time.

    Who waits is served round robin by caller, and each caller's own in order of arrival: one who asks a thousand times
    at once delays another by a single turn.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return sum(map(len, self._queues.values()))

    @asynccontextmanager
    async def turn(self, caller: Hashable) -> AsyncIterator[None]:
        """Wait for a turn and hold it. A wait that is cancelled leaves the queue."""
        await self._take(caller)
        try:
            yield
        finally:
            self._hand_on()

    async def _take(self, caller: Hashable) -> None:
        if self._free > 0:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(caller, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.cancelled():
                self._leave(caller, mine)
            else:  # it was this one's turn already
                self._hand_on()
            raise

    def _leave(self, caller: Hashable, mine: asyncio.Future[None]) -> None:
        queue = self._queues.get(caller, deque())
        if mine in queue:  # else it was passed over, as cancelled
            queue.remove(mine)
            if not queue:
                del self._queues[caller]

    def _hand_on(self) -> None:
        while self._queues:
            caller, queue = self._queues.popitem(last=False)
            following = queue.popleft()
            if queue:
                self._queues[caller] = queue  # behind all others
            if not following.done():
                following.set_result(None)
                return
        self._free += 1
