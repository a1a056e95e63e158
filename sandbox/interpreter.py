"""The interpreter: sessions of code blocks, each in a confined process of its own inside nsjail."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

from sandbox.cgroup import Cgroups, find_cgroups
from sandbox.execution import Execution, Status
from sandbox.host import SandboxUnavailable, require_host
from sandbox.jail import Jail, JailFailure
from sandbox.process import SessionProcess
from sandbox.settings import SandboxSettings

log = logging.getLogger(__name__)


class Sandbox:
    """Runs code that a model wrote. Use it from one event loop.

    Bounded: at most `max_concurrent_sessions` are open and `max_concurrent_blocks` compute at one time; who waits is
    served in order of arrival, and the wait counts against no limit.
    """

    def __init__(self, settings: SandboxSettings | None = None) -> None:
        self._settings = settings or SandboxSettings()
        self._cgroups: Cgroups | None = None
        self._jail: Jail | None = None
        self._renewal = asyncio.Lock()
        self._retired: set[Jail] = set()
        self._session_slots = asyncio.Semaphore(self._settings.max_concurrent_sessions)
        self._block_slots = asyncio.Semaphore(self._settings.max_concurrent_blocks)
        self._waiting = 0

    @property
    def settings(self) -> SandboxSettings:
        """What this sandbox was made with."""
        return self._settings

    @property
    def waiting(self) -> int:
        """How many callers wait for a session or for their block's turn."""
        return self._waiting

    async def start(self) -> None:
        """Start the first jail. Raises SandboxUnavailable, with the remedy, where code cannot be isolated."""
        if self._jail is not None:
            return
        await asyncio.to_thread(require_host)
        self._cgroups = await asyncio.to_thread(find_cgroups)
        await asyncio.to_thread(self._cgroups.sweep)
        try:
            await self._working_jail()
        except JailFailure as failure:
            raise SandboxUnavailable(f"nsjail does not start the interpreter: {failure}") from failure

    async def close(self) -> None:
        """End every session and jail. No process is left behind."""
        jails = {self._jail, *self._retired} - {None}
        self._jail = None
        self._retired.clear()
        await asyncio.gather(*(jail.close() for jail in jails if jail is not None))

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """A session of blocks that share their variables; its processes and files end with it."""
        async with self._turn(self._session_slots):
            session = Session(self, self._settings)
            try:
                yield session
            finally:
                session.close()

    @asynccontextmanager
    async def _turn(self, slots: asyncio.Semaphore) -> AsyncIterator[None]:
        self._waiting += 1
        try:
            await slots.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            slots.release()

    async def _open_process(self) -> SessionProcess:
        return await SessionProcess.open(await self._working_jail(), self._settings)

    async def _working_jail(self) -> Jail:
        """The current jail, replaced first if it died or has served its number of sessions."""
        async with self._renewal:
            jail = self._jail
            if jail is not None and jail.alive and jail.sessions_opened < self._settings.sessions_per_jail:
                return jail
            assert self._cgroups is not None, "the sandbox was not started"
            successor = Jail(self._settings, self._cgroups)
            await successor.start()
            self._jail = successor
            if jail is not None:
                self._retired.add(jail)
            await self._close_idle()
            return successor

    async def _close_idle(self) -> None:
        for jail in [jail for jail in self._retired if jail.sessions_open == 0 or not jail.alive]:
            self._retired.discard(jail)
            await jail.close()


class Session:
    """The blocks of one rollout. Its process is started by the first of them."""

    def __init__(self, sandbox: Sandbox, settings: SandboxSettings) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._process: SessionProcess | None = None
        self._ended: Execution | None = None
        self._left_s = settings.session_wall_s
        self._one_at_a_time = asyncio.Lock()

    async def run(self, source: str) -> Execution:
        """Run one block. Never raises for what the block does: that is the Execution's status.

        Once a block has ended the session (by a limit, or its own death) every later one answers at once with that
        status.
        """
        if len(source.encode("utf-8", "surrogatepass")) > self._settings.source_bytes:
            return _refusal(Status.ERROR, f"ValueError: the block is longer than {self._settings.source_bytes} bytes")
        async with self._one_at_a_time, self._sandbox._turn(self._sandbox._block_slots):
            if self._ended is not None:
                return self._ended
            execution = await self._run_or_retry(source)
            self._left_s -= execution.seconds
            if self._process is None or not self._process.alive:
                self._end(execution)
            return execution

    def close(self) -> None:
        """End the session's processes. `Sandbox.session` does this."""
        if self._process is not None:
            self._process.close()
            self._process = None
        if self._ended is None:
            self._ended = _refusal(Status.ERROR, "RuntimeError: the session is closed")

    async def _run_or_retry(self, source: str) -> Execution:
        """A jail's death is not the block's fault: a session's first block gets a second jail, later ones lost their
        variables and do not.
        """
        first = self._process is None
        execution = await self._run_once(source)
        if execution.status is not Status.SANDBOX_FAILURE or not first:
            return execution
        log.warning("sandbox failure, the block is run again in another jail: %s", execution.error)
        self._discard()
        return await self._run_once(source)

    async def _run_once(self, source: str) -> Execution:
        started = time.monotonic()
        try:
            if self._process is None:
                self._process = await self._sandbox._open_process()
            return await self._process.run(source, *self._wall_limit())
        except JailFailure as failure:
            seconds = time.monotonic() - started
            return Execution(Status.SANDBOX_FAILURE, seconds=seconds, error=f"SandboxFailure: {failure}")
        except asyncio.CancelledError:
            self._discard()
            raise

    def _wall_limit(self) -> tuple[float, str]:
        """Seconds that the next block may take, and what to say if it takes longer."""
        block_s, session_s = self._settings.block_wall_s, self._settings.session_wall_s
        if block_s <= self._left_s:
            return block_s, f"the block ran for more than {block_s:g} s"
        return max(self._left_s, 0.0), f"the session's blocks ran for more than {session_s:g} s together"

    def _discard(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    def _end(self, last: Execution) -> None:
        self._discard()
        status = last.status if last.status is not Status.OK else Status.KILLED
        self._ended = _refusal(status, f"RuntimeError: the session was ended by an earlier block ({status})")


def _refusal(status: Status, error: str) -> Execution:
    return Execution(status, error=error)
