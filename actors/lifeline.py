"""The lifeline of an engine: its processes end when the one that started them is gone, however that died.

vLLM ends its processes when their owner shuts them down. An owner that was killed cannot, and an engine that outlives
it keeps its memory, on a GPU all of it, from the owner's successor.

vLLM's workers import this module, with the extension that they are told to load, before they load a model; that it acts
when it is imported is what covers the minutes in which an engine starts. Nothing else may import it: a spawned process
imports its owner's main module before it knows its parent, and would have it imported for good.
"""

import multiprocessing
import os
import select
import signal
import threading

from actors.engine import OWNER_PID


class Lifeline:
    """What a worker's extension inherits from to have this module imported; it adds nothing."""


def _hold() -> None:
    parent = multiprocessing.parent_process()
    owner_pid = int(os.environ.get(OWNER_PID, "0"))
    if parent is None or parent.pid is None or owner_pid == 0:
        return  # no process of an engine
    threading.Thread(target=_end_with, args=(owner_pid, parent.pid), name="lifeline", daemon=True).start()


def _end_with(owner_pid: int, parent_pid: int) -> None:
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        pass  # gone already
    else:
        select.select([owner], [], [])  # readable once the process has ended
    if parent_pid != owner_pid and os.getppid() == parent_pid:
        os.kill(parent_pid, signal.SIGKILL)  # the engine's core, when its workers are processes of their own
    os._exit(1)


_hold()
