"""The limits on what a session's processes hold and use together, checked during blocks and between them."""

import asyncio
import time
from collections.abc import Callable

from sandbox.execution import Status
from sandbox.session.meter import Meter, Usage
from sandbox.settings import SandboxSettings

CHECK_S = 0.25
IDLE_CHECK_S = 2.0  # between two blocks of a session with a single task, which the kernel's own limits bind
# The next exact reading of shared memory waits this many times as long as the last one took: sessions with many
# processes must not hold up the event loop.
EXACT_READING_GAP = 50


class Watchdog:
    """Checks one session's usage every CHECK_S while it is busy, every IDLE_CHECK_S while it is not."""

    def __init__(self, meter: Meter, settings: SandboxSettings, on_exceeded: Callable[[Status, str], None]) -> None:
        """`on_exceeded`: called with the status and the error of the limit that the session exceeds."""
        self._meter = meter
        self._settings = settings
        self._on_exceeded = on_exceeded
        self._usage = Usage()
        self._block_running = self._stopped = False
        self._timer: asyncio.TimerHandle | None = None
        self._next_exact_at = 0.0

    @property
    def memory_bytes(self) -> int:
        """What the session's processes held at the last check, beyond what they inherited."""
        return self._usage.memory_bytes

    def begin_block(self) -> None:
        """Check often from now on."""
        self._block_running = True
        if self._timer is None or self._timer.when() > asyncio.get_running_loop().time() + CHECK_S:
            self._schedule(CHECK_S)

    def end_block(self) -> None:
        """Check less often while the session is idle."""
        self._block_running = False

    def stop(self) -> None:
        """Check no more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()

    def _schedule(self, seconds: float) -> None:
        if self._stopped:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._check)

    def _check(self) -> None:
        before, self._usage = self._usage, self._meter.read()
        if self._usage.cpu_s > self._settings.session_cpu_s:
            self._on_exceeded(Status.TIMEOUT, cpu_error(self._settings))
        elif self._exceeds_memory():
            limit = self._settings.memory_bytes
            self._on_exceeded(Status.MEMORY, f"MemoryError: the session's processes hold more than {limit} bytes")
        else:
            if self._usage.tasks > 1:
                self._meter.lower_priority()
            busy = self._block_running or self._usage.tasks > 1 or self._usage.cpu_s > before.cpu_s
            self._schedule(CHECK_S if busy else IDLE_CHECK_S)

    def _exceeds_memory(self) -> bool:
        limit = self._settings.memory_bytes
        if self._usage.memory_bytes <= limit:
            return False
        started = time.monotonic()
        if started < self._next_exact_at:
            return False
        exact = self._meter.proportional_memory_bytes()
        self._next_exact_at = started + EXACT_READING_GAP * (time.monotonic() - started)
        return exact is None or exact > limit


def cpu_error(settings: SandboxSettings) -> str:
    """The error of a session that used up its processor time."""
    return f"TimeoutError: the session used more than {settings.session_cpu_s} s of processor time"
