"""Ends workers that are stopped in the middle of a write to SQLite: they hold the lock that all others wait for.

The kernel frees the lock of a process that dies, but not of one that is stopped (SIGSTOP, a debugger, a frozen
container). The driver itself may be waiting for the lock, so that its polls would find such a sampler too late.
"""

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.jail.procfs import stat_fields
from store.database.write_lock import write_lock_holder

log = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
ENDED_AFTER_S = 10.0
"""Being stopped in the middle of a write that takes milliseconds. The store's own patience is six times as long."""
_RAY_WORKER = b"ray::"
_STOPPED = "Tt"  # by a signal, by a debugger


@contextmanager
def stopped_writers_ended(
    database: Path | None, every_s: float = LOOK_EVERY_S, after_s: float = ENDED_AFTER_S
) -> Iterator[None]:
    """Kill workers of Ray that are stopped and hold the write lock of `database`, for the time of the context.

    Ray starts them again. Other processes, such as a command that a user has stopped, are theirs to continue. Without
    a database nothing is done: a server ends silent transactions itself.
    """
    if database is None:
        yield
        return
    ended = threading.Event()
    watch = _Watch(database, after_s)
    thread = threading.Thread(
        target=_look_until, args=(ended, watch.look, every_s), name="stopped-writers", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _look_until(ended: threading.Event, look: Callable[[], None], every_s: float) -> None:
    while not ended.wait(every_s):
        look()


class _Watch:
    """Remembers for how long the same worker has been stopped with the lock."""

    def __init__(self, database: Path, after_s: float) -> None:
        self._database = database
        self._after_s = after_s
        self._held_up_by: int | None = None
        self._since = 0.0

    def look(self) -> None:
        """Look once, and kill the worker if it has been stopped for too long."""
        holder = write_lock_holder(self._database)
        if holder is not None and not _is_stopped_worker(holder):
            holder = None
        if holder is None or holder != self._held_up_by:
            self._held_up_by, self._since = holder, time.monotonic()
        elif (stopped_s := time.monotonic() - self._since) >= self._after_s:
            log.warning("process %d is killed: it was stopped for %.0f s with the store's lock", holder, stopped_s)
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder, signal.SIGKILL)


def _is_stopped_worker(pid: int) -> bool:
    try:
        is_worker = Path("/proc", str(pid), "cmdline").read_bytes().startswith(_RAY_WORKER)
    except OSError:
        return False  # it has ended
    fields = stat_fields(pid)
    return is_worker and bool(fields) and fields[0] in _STOPPED
