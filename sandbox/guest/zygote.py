"""The warm parent: imports what sessions use, forks a process for each session, and reports how each of them ended.

It never runs, reads or unpickles anything that came from a session. Its only connection to the outside, a sequential-
packet socket, carries the host's orders and its own reports, and is closed in every session.
"""

import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from typing import Any

from sandbox.guest.confinement import Confinement
from sandbox.guest.memory.gc_freeze import freeze_refcounts
from sandbox.guest.memory.heap import Heap
from sandbox.guest.memory.libraries import Libraries
from sandbox.guest.memory.rehearsal import ROUNDS, copy_code, rehearse
from sandbox.guest.notebook import Notebook
from sandbox.guest.randomness import Generators
from sandbox.guest.session import hide_own_modules, open_streams, serve
from sandbox.guest.warm import warm_up

PACKET_BYTES = 1 << 16


class Zygote:
    """Executes the host's orders: `open` (with the session's three descriptors) and `kill`."""

    def __init__(self, control: socket.socket, heap: Heap) -> None:
        self._control = control
        self._own_pidfd = os.pidfd_open(os.getpid())
        settings = json.loads(control.recv(PACKET_BYTES))
        with suppress(OSError):  # sessions inherit it: their wake-ups do not interrupt the host, which feeds them all
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        warm_up(settings["preload"])
        rehearse()
        sys._clear_type_cache()  # which holds names that nothing else does, and frees them at times
        gc.collect()
        freeze_refcounts()
        heap.compact()
        if settings["move_libraries"]:
            Libraries().move()
        copy_code()
        sys._clear_type_cache()  # again: the rest of the start is to free nothing in the huge pages
        heap.fill()
        rehearse()
        self._prepare_sessions(settings)
        self._rehearse_orders()

    def _prepare_sessions(self, settings: dict[str, Any]) -> None:
        """Make what every session has, after the heap's huge pages: sessions write to it, and so copy its pages."""
        hide_own_modules(keep=set(settings["preload"]))
        modules = dict(sys.modules)
        sys.modules.clear()
        sys.modules.update(modules)
        json._default_decoder = json.JSONDecoder()  # type: ignore[attr-defined] # it writes to a dictionary of its own
        self._generators = Generators()
        self._notebook = Notebook(settings["text_chars"])
        self._confinement = Confinement(settings["limits"])
        open_streams()
        self._sessions: dict[int, tuple[int, int]] = {}  # pidfd to (session's number, pid)
        self._poll = select.poll()
        self._poll.register(self._control, select.POLLIN)

    def _rehearse_orders(self) -> None:
        """Execute orders that change nothing, so that the first real ones write to no page that a session shares."""
        host, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with host, control:
            for _ in range(ROUNDS):
                host.send(json.dumps({"order": "kill", "session": -1}).encode())
                self._execute_order(control)

    def run(self, heap: Heap) -> None:
        """Serve until the host closes the control socket."""
        heap.fill(again=True)  # not before: what the start still held until now has left holes
        gc.freeze()  # the collector would touch, and so copy, pages that all sessions share
        self._report({"ready": True})
        while True:
            for fd, _ in self._poll.poll():
                if fd in self._sessions:
                    self._reap(fd)
                elif not self._execute_order(self._control):
                    return

    def _execute_order(self, control: socket.socket) -> bool:
        data, descriptors, _, _ = socket.recv_fds(control, PACKET_BYTES, 3)
        if not data:
            return False
        order = json.loads(data)
        if order["order"] == "open":
            self._open(order["session"], descriptors)
        else:
            self._kill(order["session"])
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def _open(self, session: int, descriptors: list[int]) -> None:
        os.unshare(os.CLONE_NEWPID)
        try:
            pid = fork()
        except OSError as error:
            os.setns(self._own_pidfd, os.CLONE_NEWPID)
            self._report({"refused": session, "reason": str(error)})
            return
        if pid == 0:
            self._become_session(descriptors)
        os.setns(self._own_pidfd, os.CLONE_NEWPID)  # otherwise the next unshare would nest
        pidfd = os.pidfd_open(pid)
        self._sessions[pidfd] = (session, pid)
        self._poll.register(pidfd, select.POLLIN)

    def _become_session(self, descriptors: list[int]) -> None:
        code = 0
        try:
            serve(self._confinement, self._generators, self._notebook, descriptors)
        except BaseException as error:
            os.write(2, f"session: {error!r}\n".encode())
            code = 70  # EX_SOFTWARE
        finally:
            os._exit(code)

    def _kill(self, session: int) -> None:
        for pidfd, (number, _) in self._sessions.items():
            if number == session:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)

    def _reap(self, pidfd: int) -> None:
        session, pid = self._sessions.pop(pidfd)
        self._poll.unregister(pidfd)
        os.close(pidfd)
        _, status, usage = os.wait4(pid, 0)
        cpu_s = usage.ru_utime + usage.ru_stime
        self._report({"ended": session, "wait_status": status, "cpu_s": cpu_s, "peak_bytes": usage.ru_maxrss * 1024})

    def _report(self, message: dict[str, Any]) -> None:
        self._control.send(json.dumps(message).encode())


def fork() -> int:
    """`os.fork` without the functions that modules have registered for it, which reset what only threads use.

    Raises OSError.
    """
    pid: int = _fork()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid


_fork = ctypes.PyDLL(None, use_errno=True).fork  # holds the interpreter's lock, which the child then holds too


def main(heap: Heap) -> None:
    """Run the zygote on the control socket, whose descriptor is the only argument."""
    gc.disable()
    Zygote(socket.socket(fileno=int(sys.argv[1])), heap).run(heap)
