"""Reading a policy ahead of its swap, while the engine goes on sampling."""

import asyncio
import threading
import time

from actors.engine.policy_files import UnusablePolicyError, read_policy
from store.records import PolicyPointer

_POLL_S = 0.5


class PolicyReader:
    """Reads and checks whole policies in a thread. `bytes_read` grows while it does."""

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self.bytes_read = 0

    async def read(self, policy: PolicyPointer) -> None:
        """Read all files of a policy.

        Raises:
            UnusablePolicyError: a file is missing or damaged, or no byte of it came for `silence_s`.
        """
        stop = threading.Event()
        reading = asyncio.create_task(asyncio.to_thread(read_policy, policy, lambda count: self._count(count, stop)))
        try:
            await self._await_bytes(reading, policy)
        finally:
            stop.set()  # a thread cannot be cancelled: it ends at its next piece, if that ever comes

    def _count(self, count: int, stop: threading.Event) -> None:
        if stop.is_set():
            raise UnusablePolicyError("the reading was cancelled")
        self.bytes_read += count

    async def _await_bytes(self, reading: asyncio.Task[None], policy: PolicyPointer) -> None:
        before, since = self.bytes_read, time.monotonic()
        while not (await asyncio.wait([reading], timeout=min(_POLL_S, self._silence_s)))[0]:
            if self.bytes_read > before:
                before, since = self.bytes_read, time.monotonic()
            elif time.monotonic() - since >= self._silence_s:
                raise UnusablePolicyError(
                    f"no byte came from {policy.path} for {self._silence_s:g} s (sampler.engine.silence_s)"
                )
        reading.result()
