"""The interpreter: sessions of code blocks, each in a confined process of its own inside nsjail."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from sandbox.execution import Execution, Status
from sandbox.fair_semaphore import FairSemaphore
from sandbox.host import SandboxUnavailable, require_host
from sandbox.jail.cgroup import find_cgroups
from sandbox.jail.failure import JailFailure
from sandbox.jail.pool import JailPool
from sandbox.session.process import SessionProcess
from sandbox.settings import SandboxSettings
from sandbox.stats import SandboxStats

log = logging.getLogger(__name__)


class Sandbox:
    """Runs code that a model wrote. Use it from one event loop, in any thread.

    At most `max_concurrent_sessions` are open and `max_concurrent_blocks` compute at one time. Waiters are served round
    robin by caller, and the wait counts against no limit.
    """

    def __init__(self, settings: SandboxSettings | None = None, stats: SandboxStats | None = None) -> None:
        """`stats`: counts failures and renewals; pass one to share it between sandboxes."""
        self._settings = settings or SandboxSettings()
        self._stats = stats if stats is not None else SandboxStats()
        self._pool: JailPool | None = None
        self._session_slots = FairSemaphore(self._settings.max_concurrent_sessions)
        self._block_slots = FairSemaphore(self._settings.blocks_at_once)

    @property
    def settings(self) -> SandboxSettings:
        """The settings that this sandbox was made with."""
        return self._settings

    @property
    def stats(self) -> SandboxStats:
        """Failures, retries and renewals so far."""
        return self._stats

    @property
    def waiting(self) -> int:
        """How many sessions and blocks wait for a slot."""
        return self._session_slots.waiting + self._block_slots.waiting

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return self._session_slots.held

    @property
    def running_blocks(self) -> int:
        """How many blocks compute."""
        return self._block_slots.held

    async def start(self) -> None:
        """Start the first jail. Raises SandboxUnavailable, with the remedy, if code cannot be isolated on this host."""
        if self._pool is not None:
            return
        await asyncio.to_thread(require_host)
        cgroups = await asyncio.to_thread(find_cgroups)
        await asyncio.to_thread(cgroups.sweep)
        pool = JailPool(self._settings, cgroups, self._stats)
        try:
            await pool.ready_jail()
        except JailFailure as failure:
            raise SandboxUnavailable(f"nsjail does not start the interpreter: {failure}") from failure
        except BaseException:
            await pool.close()
            raise
        self._pool = pool

    async def close(self) -> None:
        """End every session and jail with all their processes."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def session(self, caller: Hashable = "") -> AsyncIterator["Session"]:
        """A session of blocks that share their variables; its processes and files end with it.

        `caller`: whom the session is for. Slots are shared fairly between callers.
        """
        async with self._session_slots.slot(caller):
            session = Session(self, caller)
            try:
                yield session
            finally:
                session.close()

    def _working_pool(self) -> JailPool:
        if self._pool is None:
            raise JailFailure("the sandbox is closed, or was not started")
        return self._pool


class Session:
    """The blocks of one rollout. The first of them starts the process."""

    def __init__(self, sandbox: Sandbox, caller: Hashable) -> None:
        self._sandbox = sandbox
        self._settings = settings = sandbox.settings
        self._caller = caller
        self._process: SessionProcess | None = None
        self._ended: Execution | None = None
        self._left_s = settings.session_wall_s
        self._lock = asyncio.Lock()  # one block at a time

    async def run(self, source: str) -> Execution:
        """Run one block. Never raises for what the block does: that is the Execution's status.

        Once a block has ended the session (by exceeding a limit, or by ending its process), every later one returns at
        once with that status.
        """
        if len(source.encode("utf-8", "surrogatepass")) > self._settings.source_bytes:
            return _refusal(Status.ERROR, f"ValueError: the block is longer than {self._settings.source_bytes} bytes")
        async with self._lock:
            await self._sandbox._block_slots.acquire(self._caller)
            try:
                return await self._run_in_slot(source)
            finally:
                self._sandbox._block_slots.release()

    def close(self) -> None:
        """End the session's processes. `Sandbox.session` calls this."""
        if self._process is not None:
            self._process.close()
            self._process = None
        if self._ended is None:
            self._ended = _refusal(Status.ERROR, "RuntimeError: the session is closed")

    async def _run_in_slot(self, source: str) -> Execution:
        if self._ended is not None:
            return self._ended
        execution = await self._run_or_retry(source)
        self._left_s -= execution.seconds
        if self._process is None or not self._process.alive:
            self._end(execution.status)
        return execution

    async def _run_or_retry(self, source: str) -> Execution:
        """Run a block, and run a session's first block again in another jail if the first jail failed.

        A later block would miss its variables: there the caller must start again with a new session.
        """
        first = self._process is None
        execution = await self._run_once(source)
        if execution.status is not Status.SANDBOX_FAILURE or not first:
            return execution
        log.warning("sandbox failure, the block is run again in another jail: %s", execution.error)
        self._sandbox.stats.retries += 1
        return await self._run_once(source)

    async def _run_once(self, source: str) -> Execution:
        started = time.monotonic()
        try:
            execution = await self._run_in_process(source)
        except JailFailure as failure:
            seconds = time.monotonic() - started
            execution = Execution(Status.SANDBOX_FAILURE, seconds=seconds, error=f"SandboxFailure: {failure}")
        except asyncio.CancelledError:
            self._end(Status.KILLED)
            raise
        if execution.status is Status.SANDBOX_FAILURE:
            self._sandbox.stats.failures += 1
            self._discard()
        return execution

    async def _run_in_process(self, source: str) -> Execution:
        pool = self._sandbox._working_pool()
        jail = self._process.jail if self._process else await pool.ready_jail()
        try:
            self._process = self._process or await SessionProcess.open(jail, self._settings)
            execution = await self._process.run(source, *self._wall_limit())
        except JailFailure:
            pool.discard(jail)
            raise
        if execution.status is Status.SANDBOX_FAILURE:
            pool.discard(jail)
        return execution

    def _wall_limit(self) -> tuple[float, str]:
        """The seconds that the next block may take, and the error text if it takes longer."""
        block_s, session_s = self._settings.block_wall_s, self._settings.session_wall_s
        if block_s <= self._left_s:
            return block_s, f"the block ran for more than {block_s:g} s"
        return max(self._left_s, 0.0), f"the session's blocks ran for more than {session_s:g} s together"

    def _discard(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _end(self, last: Status) -> None:
        self._discard()
        status = last if last is not Status.OK else Status.KILLED
        self._ended = _refusal(status, f"RuntimeError: the session was ended by an earlier block ({status})")


def _refusal(status: Status, error: str) -> Execution:
    return Execution(status, error=error)
