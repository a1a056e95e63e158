"""One nsjail with its warm parent, seen from the host."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.jail import procfs
from sandbox.jail.cgroup import Cgroups
from sandbox.jail.control import ControlChannel, ControlLost
from sandbox.jail.failure import JailFailure, remedy
from sandbox.jail.nsjail import NsjailProcess
from sandbox.policy import tmpfs_options
from sandbox.settings import SandboxSettings

log = logging.getLogger(__name__)

KILL_RETRY_S = 0.01
REMOVE_CGROUPS_S = 5.0
REMOVE_CGROUPS_TRIES = 50
SHARE_MARGIN = 0.8  # the kernel's page tables for a session count too, and are not part of what is seen of it


@dataclass(frozen=True, slots=True)
class SessionExit:
    """How a session's first process ended, as its parent saw it. `failure` is set if it never started."""

    wait_status: int = 0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    failure: str = ""


class Jail:
    """Starts nsjail, orders sessions from its warm parent, and reports how they ended.

    Works within the running event loop: no signals, no child watcher.
    """

    def __init__(self, settings: SandboxSettings, cgroups: Cgroups) -> None:
        self._settings = settings
        self._cgroups = cgroups.for_jail(uuid.uuid4().hex)
        self._claims = self._cgroups.claim()
        self._nsjail = NsjailProcess()
        self._control: ControlChannel | None = None
        self._on_exit: dict[int, Callable[[SessionExit], None]] = {}  # of each open session
        self._idle = asyncio.Event()
        self._idle.set()
        self._parent_pid = 0
        self._started = 0.0
        self._tampering = ""
        self._ready: asyncio.Future[None] | None = None
        self._next_session = 0
        self._inherited_bytes = self._resident_bytes = 0
        self._oom_kills = self._cgroups.oom_kills()
        self._dead = False

    @property
    def alive(self) -> bool:
        """Whether new sessions can be ordered."""
        return self._nsjail.running and not self._dead

    @property
    def sessions_opened(self) -> int:
        """How many sessions have been ordered from this jail."""
        return self._next_session

    @property
    def sessions_open(self) -> int:
        """How many of them have not ended yet."""
        return len(self._on_exit)

    @property
    def pid(self) -> int:
        """The process id of nsjail on the host."""
        return self._nsjail.pid

    @property
    def parent_pid(self) -> int:
        """The process id of the warm parent on the host; 0 until it is ready."""
        return self._parent_pid

    @property
    def age_s(self) -> float:
        """Seconds since the warm parent was ready."""
        return time.monotonic() - self._started

    @property
    def inherited_bytes(self) -> int:
        """Anonymous memory that a session inherits from the warm parent."""
        return self._inherited_bytes

    @property
    def growth_bytes(self) -> int:
        """How much more anonymous memory the warm parent holds than when it was ready."""
        return procfs.anonymous_bytes(self._parent_pid) - self._inherited_bytes

    @property
    def tampering(self) -> str:
        """The first sign of tampering, empty if there was none."""
        return self._tampering

    def flag_tampering(self, sign: str) -> None:
        """Note a sign of tampering: this jail is to be renewed."""
        if not self._tampering:
            self._tampering = sign
            log.warning("a sign of tampering, the jail is renewed: %s", sign)

    def inspect(self) -> None:
        """Look for processes that belong to no session: there are none unless one broke out of its session."""
        strays = len(procfs.children(self._parent_pid)) - self.sessions_open
        if strays > 0:
            self.flag_tampering(f"{strays} processes of no session")

    async def wait_idle(self) -> None:
        """Wait until no session is open, or the jail has died."""
        await self._idle.wait()

    async def start(self) -> None:
        """Start nsjail and wait for the warm parent. Raises JailFailure if it does not come up."""
        self._ready = asyncio.get_running_loop().create_future()
        try:
            await self._launch()
            text_chars = self._settings.output_bytes // 4
            preload = list(self._settings.preload)
            order = {"preload": preload, "text_chars": text_chars, "limits": self._limits()}
            await self._send({**order, "move_libraries": self._settings.move_libraries})
            await asyncio.wait_for(asyncio.shield(self._ready), self._settings.start_s)
        except TimeoutError:
            await self.close()
            raise JailFailure(
                f"the warm parent took more than {self._settings.start_s:g} s{self._nsjail.log_text()}"
            ) from None
        except OSError as error:
            await self.close()
            raise JailFailure(f"the jail cannot be started: {error}{remedy(error)}") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End nsjail and all that runs in it, wait until it has exited, and remove its control groups."""
        self.kill()
        if self._nsjail.running:
            await self._nsjail.wait()
            await self._remove_cgroups()
        while self._claims:
            self._claims.pop().release()

    async def open_session(self, descriptors: tuple[int, int, int], on_exit: Callable[[SessionExit], None]) -> int:
        """Order a session and return its number. Raises JailFailure if the warm parent cannot be reached.

        Args:
            descriptors: The session's ends of its channel, stdout and stderr.
            on_exit: Called once, when the session's process has exited or the jail has died (then with a failure).
        """
        number = self._next_session
        self._next_session += 1
        self._on_exit[number] = on_exit
        self._idle.clear()
        try:
            await self._send({"order": "open", "session": number}, descriptors)
        except BaseException:
            self._forget(number)
            raise
        return number

    def kill_session(self, number: int) -> None:
        """End a session with all its processes, without waiting. Does nothing if it has ended."""
        if self._control is None or number not in self._on_exit:
            return
        try:
            self._control.send_nowait({"order": "kill", "session": number})
        except BlockingIOError:  # the parent is busy forking
            asyncio.get_running_loop().call_later(KILL_RETRY_S, self.kill_session, number)
        except OSError:
            self.kill()

    def oom_killed(self) -> bool:
        """Whether the kernel has killed a process of this jail for lack of memory since the last call."""
        before, self._oom_kills = self._oom_kills, self._cgroups.oom_kills()
        return self._oom_kills > before

    def held_fair_share(self, held_bytes: int, peak_bytes: int) -> bool:
        """Whether a session that has ended held at least an equal part of what the jail's sessions may hold together.

        Args:
            held_bytes: The memory that its processes were seen to hold, beyond what they inherited.
            peak_bytes: The peak memory of its first process, inherited memory included.
        """
        held_bytes = max(held_bytes, peak_bytes - self._resident_bytes)
        for_sessions_bytes = self._settings.jail_limit_bytes - self._resident_bytes
        return self.sessions_open == 0 or held_bytes >= SHARE_MARGIN * for_sessions_bytes / (self.sessions_open + 1)

    def kill(self) -> None:
        """End the jail at once, without waiting. Every open session's `on_exit` is called with the failure."""
        if self._dead:
            return
        self._dead = True
        self._nsjail.read_log()
        if self._control is not None:
            self._control.close()
            self._control = None
        self._nsjail.close_log()
        self._nsjail.terminate()
        failure = f"the jail died{self._nsjail.log_text()}"
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(JailFailure(failure))
            self._ready.exception()  # mark it as retrieved: `start` may have given up already
        for number in list(self._on_exit):
            self._end_session(number, SessionExit(failure=failure))

    async def _launch(self) -> None:
        self._control = control = ControlChannel(self._take_report, self.kill)
        try:
            await self._nsjail.launch(self._settings, self._cgroups, control.jail_fd)
        finally:
            control.close_jail_end()
        control.listen()

    async def _remove_cgroups(self) -> None:
        for _ in range(REMOVE_CGROUPS_TRIES):
            if await asyncio.to_thread(self._cgroups.remove):
                return
            await asyncio.sleep(REMOVE_CGROUPS_S / REMOVE_CGROUPS_TRIES)  # the last processes are still exiting
        log.warning("the jail's control groups could not be removed: %s", self._cgroups.memory_parent)

    def _limits(self) -> dict[str, Any]:
        settings = self._settings
        return {
            "memory_bytes": settings.memory_bytes,
            "cpu_s": settings.session_cpu_s,
            "file_bytes": settings.file_bytes,
            "open_files": settings.open_files,
            "processes": settings.processes,
            "tmpfs_options": tmpfs_options(settings.tmpfs_bytes),
        }

    async def _send(self, order: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        try:
            if self._control is None:
                raise ControlLost("the jail is gone")
            await self._control.send(order, descriptors)
        except ControlLost as lost:
            self.kill()
            raise JailFailure(f"{lost}{self._nsjail.log_text()}") from lost

    def _take_report(self, report: dict[str, Any], pid: int) -> None:
        if "ready" in report and self._ready is not None and not self._ready.done():
            self._parent_pid, self._started = pid, time.monotonic()
            self._inherited_bytes, self._resident_bytes = procfs.anonymous_bytes(pid), procfs.resident_bytes(pid)
            self._ready.set_result(None)
        elif "ended" in report:
            end = SessionExit(report["wait_status"], report["cpu_s"], report["peak_bytes"])
            self._end_session(report["ended"], end)
        elif "refused" in report:
            self._end_session(report["refused"], SessionExit(failure=report["reason"]))

    def _end_session(self, number: int, end: SessionExit) -> None:
        on_exit = self._forget(number)
        if on_exit is not None:
            on_exit(end)

    def _forget(self, number: int) -> Callable[[SessionExit], None] | None:
        on_exit = self._on_exit.pop(number, None)
        if not self._on_exit:
            self._idle.set()
        return on_exit
