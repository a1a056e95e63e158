"""A session's process, seen from the host: blocks sent, output collected, the end of each block judged."""

import asyncio
import os
import signal
import time
from dataclasses import dataclass
from typing import Any, Self

from sandbox.execution import Execution, Status
from sandbox.jail.failure import JailFailure, remedy
from sandbox.jail.jail import Jail, SessionExit
from sandbox.session.channel import Report, SessionChannel, read_report
from sandbox.session.meter import Meter
from sandbox.session.output import SessionOutput
from sandbox.session.watchdog import Watchdog, cpu_error
from sandbox.settings import SandboxSettings

READY_S = 30.0  # from the order to a confined process: milliseconds, unless the host is starved
EXIT_S = 30.0  # of a killed session with many processes, each of which ends at the lowest priority
CLOSED_CHANNEL_S = 1.0  # from the end of the channel to the process's own exit
FRAME_HEADROOM_BYTES = 1 << 16
# The kernel enforces RLIMIT_CPU by counting ticks and reports usage by the clock, and on a busy host the two differ
# much. A SIGKILL that neither we nor the OOM killer sent is attributed to the limit if at least this share was used.
CPU_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Stop:
    """The host's reason to end a session."""

    status: Status
    error: str


@dataclass(frozen=True, slots=True)
class _ChannelClosed:
    """The session's end of the channel was closed: its process has died, or closed it itself."""


type _Outcome = Report | _Stop | _ChannelClosed | SessionExit


class SessionProcess:
    """Sends blocks, collects output, and decides how each block ended, from evidence alone.

    A report from the process, which runs untrusted code, can claim `ok`, `error` or `memory`, with texts. Everything
    else (time, output, death) is observed by the host and the warm parent.
    """

    def __init__(self, jail: Jail, settings: SandboxSettings) -> None:
        self._jail = jail
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._number = -1
        self._block = 0
        self._pid: int | None = None  # this and the watchdog are set by the process's first message: it is confined
        self._watchdog: Watchdog | None = None
        self._closed = self._channel_closed = False
        self._stopped: _Stop | None = None
        self._exited: asyncio.Future[SessionExit] = self._loop.create_future()
        self._outcome: asyncio.Future[_Outcome] | None = None  # of the block that runs
        self._timer: asyncio.TimerHandle | None = None
        self._wall_s, self._timeout_text = 0.0, ""
        self._started = 0.0
        self._channel = SessionChannel(
            6 * settings.output_bytes + FRAME_HEADROOM_BYTES,
            self._take_message,
            self._take_channel_closed,
            self._take_malformed,
        )
        try:
            self._output = SessionOutput(settings.output_bytes, self._stop_for_output)
        except OSError:
            self._channel.close()
            raise

    @classmethod
    async def open(cls, jail: Jail, settings: SandboxSettings) -> Self:
        """Order a new process from `jail`. Raises JailFailure if the jail is gone, or file descriptors run out."""
        try:
            process = cls(jail, settings)
        except OSError as error:
            raise JailFailure(f"no channel for a session: {error}{remedy(error)}") from error
        try:
            descriptors = (process._channel.session_fd, *process._output.write_fds)
            process._number = await jail.open_session(descriptors, process._take_exit)
        except BaseException:
            process.close()
            raise
        finally:
            process._channel.close_session_end()
            process._output.close_write_ends()
        process._channel.listen()
        process._output.listen()
        return process

    @property
    def jail(self) -> Jail:
        """The jail that the process runs in."""
        return self._jail

    @property
    def pid(self) -> int | None:
        """The host's process id of the session's first process; None until it is confined."""
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether another block can be run."""
        return not self._closed and not self._exited.done() and self._stopped is None

    async def run(self, source: str, wall_s: float, timeout_text: str) -> Execution:
        """Run one block for at most `wall_s`, counted from the moment that the process is ready for it.

        `timeout_text`: the error's text if that is exceeded. Raises JailFailure if the jail died meanwhile.
        """
        self._block += 1
        self._wall_s, self._timeout_text = wall_s, timeout_text
        self._started = time.monotonic()
        outcome = self._outcome = self._loop.create_future()
        self._resolve_with_what_is_known()
        self._set_timer(wall_s if self._watchdog else READY_S)
        if self._watchdog is not None:
            self._watchdog.begin_block()
        try:
            await self._channel.send({"block": self._block, "source": source}, abort=outcome)
            result = await outcome
            seconds = time.monotonic() - self._started
            self._drain_output()
            status, value, error = await self._judge(result)
            if not isinstance(result, Report):  # the process may have gone on until it was ended
                self._drain_output()
        finally:
            self._outcome = None
            self._cancel_timer()
            if self._watchdog is not None:
                self._watchdog.end_block()
        return Execution(status, *self._output.take(), value, seconds, error)

    def close(self) -> None:
        """End the process and release its descriptors and timers. Does not wait."""
        if self._closed:
            return
        self._closed = True
        self._cancel_timer()
        if self._watchdog is not None:
            self._watchdog.stop()
        self._channel.close()
        self._output.close()
        self._jail.kill_session(self._number)

    # Events

    def _take_message(self, message: dict[str, Any], pid: int) -> None:
        if self._watchdog is None and message["ready"] is True:
            self._become_ready(pid)
        elif self._stopped is None:
            report = read_report(message, self._settings.output_bytes)
            if report.block != self._block or self._outcome is None or self._outcome.done():
                raise ValueError("an unexpected report")
            self._resolve(report)

    def _become_ready(self, pid: int) -> None:
        self._pid = pid
        meter = Meter(pid, self._jail.parent_pid, self._jail.inherited_bytes)
        meter.prefer_for_oom_kill()
        self._watchdog = Watchdog(meter, self._settings, lambda status, error: self._stop(_Stop(status, error)))
        self._started = time.monotonic()
        self._set_timer(self._wall_s)
        if not self.alive:
            self._watchdog.stop()
        elif self._outcome is not None:
            self._watchdog.begin_block()

    def _take_channel_closed(self) -> None:
        self._channel_closed = True
        self._resolve(_ChannelClosed())

    def _take_malformed(self) -> None:
        self._jail.flag_tampering("a session wrote to its interpreter's channel")
        self._stop(_Stop(Status.KILLED, "RuntimeError: the interpreter's channel was tampered with"))

    def _take_exit(self, end: SessionExit) -> None:
        if not self._exited.done():
            self._exited.set_result(end)
        if self._watchdog is not None:
            self._watchdog.stop()
        self._resolve(end)

    def _take_timeout(self) -> None:
        if self._watchdog:
            self._stop(_Stop(Status.TIMEOUT, f"TimeoutError: {self._timeout_text}"))
        else:
            self._stop(_Stop(Status.SANDBOX_FAILURE, f"SandboxFailure: no confined process within {READY_S:g} s"))

    def _stop_for_output(self) -> None:
        limit = self._settings.output_bytes
        self._stop(_Stop(Status.OUTPUT_LIMIT, f"RuntimeError: the block printed more than {limit} bytes"))

    def _stop(self, stop: _Stop) -> None:
        if self._stopped is None:
            self._stopped = stop
            if self._watchdog is not None:
                self._watchdog.stop()
            self._jail.kill_session(self._number)
            self._resolve(stop)

    def _resolve(self, outcome: _Outcome) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    def _resolve_with_what_is_known(self) -> None:
        """Between two blocks the process may have died, exceeded a limit, or closed its channel."""
        if self._stopped is not None:
            self._resolve(self._stopped)
        elif self._exited.done():
            self._resolve(self._exited.result())
        elif self._channel_closed:
            self._resolve(_ChannelClosed())

    def _drain_output(self) -> None:
        if self._stopped is None:
            self._output.drain()

    def _set_timer(self, seconds: float) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(seconds, self._take_timeout)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # Verdicts

    async def _judge(self, outcome: _Outcome) -> tuple[Status, str | None, str]:
        if isinstance(outcome, Report) and self._stopped is None:
            return outcome.status, outcome.value, outcome.error
        if isinstance(outcome, _ChannelClosed):
            await self._wait_for_exit(kill_after_s=CLOSED_CHANNEL_S)
        stop = self._stopped
        if stop is not None:
            await self._wait_for_exit(kill_after_s=0.0)
            return stop.status, None, stop.error
        return self._judge_exit(self._exited.result())

    def _judge_exit(self, end: SessionExit) -> tuple[Status, None, str]:
        if end.failure:
            raise JailFailure(end.failure)
        if self._watchdog is None:
            _, stderr = self._output.take()
            raise JailFailure(f"the session's process could not be confined: {stderr.strip()}")
        if not os.WIFSIGNALED(end.wait_status):
            code = os.waitstatus_to_exitcode(end.wait_status)
            return Status.KILLED, None, f"RuntimeError: the block ended its process with exit code {code}"
        number = os.WTERMSIG(end.wait_status)
        if number == signal.SIGKILL and self._jail.oom_killed():
            if not self._jail.held_fair_share(self._watchdog.memory_bytes, end.peak_bytes):
                raise JailFailure("the jail ran out of memory, of which other sessions held more than this one")
            return Status.MEMORY, None, "MemoryError: the block was ended for want of memory"
        if number == signal.SIGKILL and end.cpu_s >= CPU_SHARE * self._settings.session_cpu_s:
            return Status.TIMEOUT, None, cpu_error(self._settings)
        return Status.KILLED, None, f"RuntimeError: the block's process was ended by {_signal_name(number)}"

    async def _wait_for_exit(self, kill_after_s: float) -> None:
        """Wait until the process has exited; kill it after `kill_after_s`, and the whole jail if that does not help."""
        await asyncio.wait([self._exited], timeout=kill_after_s)
        if not self._exited.done():
            self._stop(_Stop(Status.KILLED, "RuntimeError: the block closed the interpreter's channel"))
            await asyncio.wait([self._exited], timeout=EXIT_S)
        if not self._exited.done():
            self._jail.kill()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
