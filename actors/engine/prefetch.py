"""Getting a policy onto this machine and reading it ahead of its swap, while the engine goes on sampling."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from actors.engine.policy_files import Shapes, UnusablePolicyError, read_policy, require_same_shapes, tensor_shapes
from store.artifacts.cache import Cache, Held
from store.artifacts.manifest import OnBytes
from store.records import PolicyPointer
from store.settings import StorageSettings

_POLL_S = 0.5


class LocalPolicy:
    """A policy whose files are on this machine until it is released: in its own folder, or as a copy of a URL."""

    def __init__(self, policy: PolicyPointer, held: Held) -> None:
        self._held = held
        self.folder = held.folder
        self.pointer = replace(policy, path=str(held.folder))
        """The policy with the path of its folder here."""
        self.shapes: Shapes = {}

    def release(self) -> None:
        """Let a copy be removed. Can be repeated."""
        self._held.release()

    def discard(self) -> None:
        """Release a copy, and have it fetched again as far as it is damaged."""
        self._held.discard()


class PolicyReader:
    """Fetches, reads and checks whole policies in a thread. `bytes_read` grows while it does."""

    def __init__(self, silence_s: float, storage: StorageSettings) -> None:
        self._silence_s = silence_s
        self._cache = Cache(storage)
        self.bytes_read = 0

    async def read(self, policy: PolicyPointer, expected: Shapes | None = None) -> LocalPolicy:
        """Get a policy's files onto this machine, if they are not on a disk that it sees, and read all of them.

        Raises:
            UnusablePolicyError: a file cannot be fetched, is missing or damaged, the shapes of its tensors are not the
                expected ones, or no byte of it came for `silence_s`.
        """
        local = await self._watched(lambda on_bytes: self._fetch(policy, on_bytes), policy)
        try:
            local.shapes = await asyncio.to_thread(tensor_shapes, local.folder)
            if expected is not None:
                require_same_shapes(expected, local.shapes, local.folder)
            await self._watched(lambda on_bytes: read_policy(local.pointer, on_bytes), policy)
        except UnusablePolicyError:
            local.discard()
            raise
        return local

    def _fetch(self, policy: PolicyPointer, on_bytes: OnBytes) -> LocalPolicy:
        try:
            held = self._cache.hold(policy.path, policy.checksum, on_bytes)
        except OSError as error:
            raise UnusablePolicyError(f"the policy at {policy.path} cannot be fetched: {error}") from error
        try:
            on_bytes(0)
        except UnusablePolicyError:  # nobody waits for it any more
            held.release()
            raise
        return LocalPolicy(policy, held)

    async def _watched[T](self, work: Callable[[OnBytes], T], policy: PolicyPointer) -> T:
        """Do work in a thread, as long as bytes come."""
        stop = threading.Event()
        working = asyncio.create_task(asyncio.to_thread(work, lambda count: self._count(count, stop)))
        try:
            await self._await_bytes(working, policy)
            return working.result()
        finally:
            stop.set()  # a thread cannot be cancelled: it ends at its next piece, if that ever comes

    def _count(self, count: int, stop: threading.Event) -> None:
        if stop.is_set():
            raise UnusablePolicyError("the reading was cancelled")
        self.bytes_read += count

    async def _await_bytes(self, working: "asyncio.Task[object]", policy: PolicyPointer) -> None:
        before, since = self.bytes_read, time.monotonic()
        while not (await asyncio.wait([working], timeout=min(_POLL_S, self._silence_s)))[0]:
            if self.bytes_read > before:
                before, since = self.bytes_read, time.monotonic()
            elif time.monotonic() - since >= self._silence_s:
                raise UnusablePolicyError(
                    f"no byte came from {policy.path} for {self._silence_s:g} s (sampler.engine.silence_s)"
                )
