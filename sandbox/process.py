"""A session's process, seen from the host: its channel, its output, its end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from dataclasses import dataclass
from typing import Any, Literal, Self

from sandbox.credentials import ask_for_credentials, receive_with_pid
from sandbox.execution import Execution, Status
from sandbox.guest import wire
from sandbox.jail import Ended, Jail, JailFailure, remedy
from sandbox.settings import SandboxSettings
from sandbox.watchdog import Meter, Usage

READ_BYTES = 1 << 16
READY_S = 30.0  # from the order to a confined process: milliseconds, unless the host is starved
END_S = 30.0  # of a killed crowd, each of whose processes ends at the lowest priority
NOTE_CHARS = 100  # at most, of the note of how much was cut out
WATCH_S = 0.25
SHARES_GAP = 50  # times what a look at shared pages took pass before the next: a crowd must not hold up the event loop
IDLE_WATCH_S = 2.0  # between two blocks, while one task is all there is: the kernel's own limits bind that one
# The kernel enforces the limit by counting ticks and reports usage by the clock: on a busy host the two differ much. A
# SIGKILL that is neither ours nor for want of memory is that limit's if at least this share of it was used.
CPU_SHARE = 0.5
REPORTED = {"ok": Status.OK, "error": Status.ERROR, "memory": Status.MEMORY}


@dataclass(frozen=True, slots=True)
class _Stop:
    """The host's reason to end a session."""

    status: Status
    error: str


@dataclass(frozen=True, slots=True)
class _Lost:
    """The session's channel was closed: its process has died, or closed it itself."""


class SessionProcess:
    """Sends blocks, collects output, and says how each block ended, from evidence alone.

    What comes through the channel was written by a process that runs untrusted code: it can say `ok`, `error` or
    `memory`, with texts. Everything else (time, output, death) is the host's and the warm parent's own observation.
    """

    def __init__(self, jail: Jail, settings: SandboxSettings) -> None:
        self._jail = jail
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._number = -1
        self._block = 0
        self._inbox = bytearray()
        self._meter: Meter | None = None  # set by the process's first word: that it is confined
        self._usage = Usage()
        self._closed = self._lost = False
        self._stopped: _Stop | None = None
        self._ended: asyncio.Future[Ended] = self._loop.create_future()
        self._news: asyncio.Future[dict[str, Any] | _Stop | _Lost | Ended] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch_timer: asyncio.TimerHandle | None = None
        self._next_shares_at = 0.0
        self._wall_s, self._time_out_text = 0.0, ""
        self._started = 0.0
        self._channel, self._their_channel, self._stdout, self._stderr = _open_channels()

    @classmethod
    async def open(cls, jail: Jail, settings: SandboxSettings) -> Self:
        """Order a new process from `jail`. Raises JailFailure if the jail is gone, or file descriptors run out."""
        try:
            process = cls(jail, settings)
        except OSError as error:
            raise JailFailure(f"no channel for a session: {error}{remedy(error)}") from error
        try:
            descriptors = (process._their_channel.fileno(), process._stdout.write_fd, process._stderr.write_fd)
            process._number = await jail.open_session(descriptors, process._take_end)
        except BaseException:
            process.close()
            raise
        finally:
            process._their_channel.close()
            process._stdout.close_write()
            process._stderr.close_write()
        process._listen()
        return process

    @property
    def jail(self) -> Jail:
        """Where the process is."""
        return self._jail

    @property
    def alive(self) -> bool:
        """Whether another block can be run."""
        return not self._closed and not self._ended.done() and self._stopped is None

    async def run(self, source: str, wall_s: float, time_out: str) -> Execution:
        """Run one block for at most `wall_s`, counted from the moment that the process is ready for it.

        `time_out` is what is said if that is not enough. Raises JailFailure if the jail died under it.
        """
        self._block += 1
        self._wall_s, self._time_out_text = wall_s, time_out
        self._started = time.monotonic()
        self._news = self._loop.create_future()
        self._tell_what_is_known()
        self._set_timer(wall_s if self._meter else READY_S)
        self._watch_soon()
        try:
            await self._send({"block": self._block, "source": source})
            news = await self._news
            seconds = time.monotonic() - self._started
            self._collect()
            status, value, error = await self._judge(news)
            self._collect()
        finally:
            self._news = None
            self._cancel(self._timer)
        return Execution(status, self._stdout.take(), self._stderr.take(), value, seconds, error)

    def close(self) -> None:
        """End the process and let go of everything. Does not wait."""
        if self._closed:
            return
        self._closed = True
        self._cancel(self._timer)
        self._cancel(self._watch_timer)
        for fd in (self._channel.fileno(), self._stdout.read_fd, self._stderr.read_fd):
            self._loop.remove_reader(fd)
        self._channel.close()
        self._stdout.close()
        self._stderr.close()
        self._jail.kill_session(self._number)

    # What comes in

    def _listen(self) -> None:
        self._loop.add_reader(self._channel.fileno(), self._read_channel)
        for output in (self._stdout, self._stderr):
            self._loop.add_reader(output.read_fd, self._read_output, output)

    def _read_channel(self) -> None:
        try:
            part, pid = receive_with_pid(self._channel, READ_BYTES)
        except BlockingIOError:
            return
        except ConnectionError:
            part, pid = b"", 0
        if not part:
            self._loop.remove_reader(self._channel.fileno())
            self._lost = True
            self._tell(_Lost())
            return
        self._inbox += part
        try:
            while (message := _next_frame(self._inbox, 6 * self._settings.output_bytes + READ_BYTES)) is not None:
                self._take_message(message, pid)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._jail.suspect("a session wrote to its interpreter's channel")
            self._stop(_Stop(Status.KILLED, "RuntimeError: the interpreter's channel was tampered with"))

    def _take_message(self, message: dict[str, Any], pid: int) -> None:
        if self._meter is None and message["ready"] is True:
            self._meter = Meter(pid, self._jail.inherited_bytes)
            self._meter.end_before_others()
            self._started = time.monotonic()
            self._set_timer(self._wall_s)
            self._watch_soon()
        elif self._stopped is None:
            value, error = message["value"], message["error"]
            if message["status"] not in REPORTED or not isinstance(value, str | None) or not isinstance(error, str):
                raise ValueError("not a report")
            if message["block"] != self._block or self._news is None or self._news.done():
                raise ValueError("a report that nobody waits for")
            if max(len(value or ""), len(error)) > self._settings.output_bytes + NOTE_CHARS:
                raise ValueError("longer than a session's interpreter writes it")
            message["value"], message["error"] = value and _clean(value), _clean(error)
            self._tell(message)

    def _read_output(self, output: "_Output") -> None:
        if output.read() == "end":
            self._loop.remove_reader(output.read_fd)
        self._check_output()

    def _check_output(self) -> None:
        if len(self._stdout.data) + len(self._stderr.data) > self._settings.output_bytes:
            self._loop.remove_reader(self._stdout.read_fd)
            self._loop.remove_reader(self._stderr.read_fd)
            limit = self._settings.output_bytes
            self._stop(_Stop(Status.OUTPUT_LIMIT, f"RuntimeError: the block printed more than {limit} bytes"))

    def _collect(self) -> None:
        """Take what was printed before the block ended and has not been read yet. Ends: the limit stops a flood."""
        for output in (self._stdout, self._stderr):
            while self._stopped is None and output.read() == "more":
                self._check_output()

    def _take_end(self, ended: Ended) -> None:
        if not self._ended.done():
            self._ended.set_result(ended)
        self._tell(ended)

    def _time_out(self) -> None:
        if self._meter:
            self._stop(_Stop(Status.TIMEOUT, f"TimeoutError: {self._time_out_text}"))
        else:
            self._stop(_Stop(Status.SANDBOX_FAILURE, f"SandboxFailure: no confined process within {READY_S:g} s"))

    def _stop(self, stop: _Stop) -> None:
        if self._stopped is None:
            self._stopped = stop
            self._jail.kill_session(self._number)
            self._tell(stop)

    def _tell(self, news: dict[str, Any] | _Stop | _Lost | Ended) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(news)

    def _tell_what_is_known(self) -> None:
        """Between two blocks the process may have died, been ended for what it held or printed, or hung up."""
        if self._stopped is not None:
            self._tell(self._stopped)
        elif self._ended.done():
            self._tell(self._ended.result())
        elif self._lost:
            self._tell(_Lost())

    # What it means

    async def _judge(self, news: dict[str, Any] | _Stop | _Lost | Ended) -> tuple[Status, str | None, str]:
        if isinstance(news, dict) and self._stopped is None:
            return REPORTED[news["status"]], news["value"], news["error"]
        if isinstance(news, _Lost):
            await self._wait_for_end(kill_after_s=1.0)
        stop = self._stopped
        if stop is not None:
            await self._wait_for_end(kill_after_s=0.0)
            return stop.status, None, stop.error
        return self._judge_end(self._ended.result())

    def _judge_end(self, ended: Ended) -> tuple[Status, None, str]:
        if ended.reason:
            raise JailFailure(ended.reason)
        if self._meter is None:
            raise JailFailure(f"the session's process did not get to run: {self._stderr.take().strip()}")
        if not os.WIFSIGNALED(ended.wait_status):
            code = os.waitstatus_to_exitcode(ended.wait_status)
            return Status.KILLED, None, f"RuntimeError: the block ended its process with exit code {code}"
        number = os.WTERMSIG(ended.wait_status)
        if number == signal.SIGKILL and self._jail.killed_for_memory():
            if not self._jail.held_its_share(self._usage.memory_bytes, ended.peak_bytes):
                raise JailFailure("the jail ran out of memory, of which other sessions held more than this one")
            return Status.MEMORY, None, "MemoryError: the block was ended for want of memory"
        if number == signal.SIGKILL and ended.cpu_s >= CPU_SHARE * self._settings.session_cpu_s:
            return Status.TIMEOUT, None, self._out_of_cpu()
        return Status.KILLED, None, f"RuntimeError: the block's process was ended by {_signal_name(number)}"

    async def _wait_for_end(self, kill_after_s: float) -> None:
        """Wait until the process has gone; a jail that cannot end it is ended itself."""
        await asyncio.wait([self._ended], timeout=kill_after_s)
        if not self._ended.done():
            self._stop(_Stop(Status.KILLED, "RuntimeError: the block closed the interpreter's channel"))
            await asyncio.wait([self._ended], timeout=END_S)
        if not self._ended.done():
            self._jail.kill()

    # Small change

    async def _send(self, message: dict[str, Any]) -> None:
        """Hand over a block. That the process has died meanwhile is found by the reader."""
        frame = memoryview(wire.encode(message))
        assert self._news is not None
        while frame and not self._news.done():
            try:
                frame = frame[self._channel.send(frame) :]
            except BlockingIOError:  # a long block, and the process has not started to read
                await asyncio.wait([self._news], timeout=0.005)
            except OSError:
                return

    def _set_timer(self, seconds: float) -> None:
        self._cancel(self._timer)
        self._timer = self._loop.call_later(seconds, self._time_out)

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    # What all of the session's processes hold and use, during blocks and between them

    def _watch_soon(self) -> None:
        if self._meter is not None:
            self._cancel(self._watch_timer)
            self._watch_timer = self._loop.call_later(WATCH_S, self._watch)

    def _watch(self) -> None:
        assert self._meter is not None
        if not self.alive:
            return
        before, self._usage = self._usage, self._meter.read()
        if self._usage.cpu_s > self._settings.session_cpu_s:
            self._stop(_Stop(Status.TIMEOUT, self._out_of_cpu()))
        elif self._holds_too_much(self._meter):
            limit = self._settings.memory_bytes
            self._stop(_Stop(Status.MEMORY, f"MemoryError: the session's processes hold more than {limit} bytes"))
        else:
            if self._usage.tasks > 1:
                self._meter.give_way()
            busy = self._news is not None or self._usage.tasks > 1 or self._usage.cpu_s > before.cpu_s
            self._watch_timer = self._loop.call_later(WATCH_S if busy else IDLE_WATCH_S, self._watch)

    def _holds_too_much(self, meter: Meter) -> bool:
        limit = self._settings.memory_bytes
        if self._usage.memory_bytes <= limit:
            return False
        started = time.monotonic()
        if started < self._next_shares_at:
            return False
        shares = meter.memory_shares_bytes()
        self._next_shares_at = started + SHARES_GAP * (time.monotonic() - started)
        return shares is None or shares > limit

    def _out_of_cpu(self) -> str:
        return f"TimeoutError: the session used more than {self._settings.session_cpu_s} s of processor time"


def _clean(text: str) -> str:
    """`text` as UTF-8 can hold it: a block makes lone surrogates at will, at which tokenizers and databases fail."""
    return text.encode("utf-8", "backslashreplace").decode()


class _Output:
    """One of the session's output pipes and what has come through it since the block began."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()
        os.set_blocking(self.read_fd, False)
        self.data = bytearray()

    def read(self) -> Literal["more", "empty", "end"]:
        """Take what is there. Returns whether there may be more now, later, or never."""
        try:
            part = os.read(self.read_fd, READ_BYTES)
        except BlockingIOError:
            return "empty"
        self.data += part
        return "more" if part else "end"

    def take(self) -> str:
        text = self.data.decode("utf-8", errors="replace")
        self.data.clear()
        return text

    def close_write(self) -> None:
        if self.write_fd >= 0:
            os.close(self.write_fd)
            self.write_fd = -1

    def close(self) -> None:
        self.close_write()
        os.close(self.read_fd)


def _open_channels() -> tuple[socket.socket, socket.socket, _Output, _Output]:
    """Our end of a session's channel, its own end, and its outputs: all or, where descriptors run out, none."""
    with contextlib.ExitStack() as opened:
        ours, theirs = socket.socketpair()
        opened.callback(ours.close)
        opened.callback(theirs.close)
        ours.setblocking(False)
        ask_for_credentials(ours)
        stdout = _Output()
        opened.callback(stdout.close)
        stderr = _Output()
        opened.pop_all()
    return ours, theirs, stdout, stderr


def _next_frame(inbox: bytearray, limit_bytes: int) -> dict[str, Any] | None:
    """Take the first whole frame from `inbox`. Raises ValueError if it is too long or no JSON object."""
    if len(inbox) < wire.HEADER.size:
        return None
    (length,) = wire.HEADER.unpack_from(inbox)
    if length > limit_bytes:
        raise ValueError(f"a frame of {length} bytes")
    end = wire.HEADER.size + length
    if len(inbox) < end:
        return None
    message = json.loads(inbox[wire.HEADER.size : end])
    del inbox[:end]
    if not isinstance(message, dict):
        raise ValueError("not an object")
    return message


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
