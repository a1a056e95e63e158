"""The driver's end of a tracker's process: every call has a limit, after which the process is killed."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from cluster.loop.tracking.messages import Failed, Opened
from cluster.loop.tracking.point import Point, TrackedRun

_OPEN_LIMIT_S = 300.0  # imports on a busy machine, the tables of a new database, W&B's own limit of 90 s
_LOG_LIMIT_S = 120.0


class TrackerError(Exception):
    """A tracker failed, crashed or did not answer in time."""


class TrackerProcess:
    """A process that has a tracker open, in a session of its own: Ctrl-C is for the driver."""

    def __init__(self, module: str, run: TrackedRun) -> None:
        """Start it. `module` has the tracker's `open_tracker`. `open` comes next. Raises `TrackerError`."""
        self._first_message = (module, run)
        ours, theirs = socket.socketpair()
        self._connection = Connection(ours.detach())
        with theirs:
            try:
                self._process = _start(theirs.fileno())
            except OSError as error:
                raise TrackerError(f"no process could be started: {error}") from None

    def open(self) -> Opened:
        """Open the tracker. Raises `TrackerError`."""
        opened = self._ask(self._first_message, _OPEN_LIMIT_S)
        assert isinstance(opened, Opened)
        return opened

    def log(self, points: Sequence[Point]) -> None:
        """Log points. Raises `TrackerError`; some of them may be logged then."""
        self._ask(list(points), _LOG_LIMIT_S)

    def finish(self) -> None:
        """Wait until the tracker has completed what it was given."""
        self._connection.close()
        self._process.wait()

    def kill(self) -> None:
        """Kill the process with those that it started, if it is still there."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _ask(self, message: Any, limit_s: float) -> Any:
        try:
            self._connection.send(message)
            if not self._connection.poll(limit_s):
                raise TrackerError(f"it did not answer within {limit_s:g} s")
            reply = self._connection.recv()
        except (EOFError, OSError):
            raise TrackerError("its process ended; driver.log may have its reason") from None
        if isinstance(reply, Failed):
            raise TrackerError(reply.message)
        return reply


def _start(descriptor: int) -> subprocess.Popen[bytes]:
    """Start the process with the modules of this one; -P, since the working folder may have a `wandb` of W&B's own."""
    return subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", "cluster.loop.tracking.serving", str(descriptor)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        start_new_session=True,
    )
