"""Ties the processes of an engine to their owner: they exit when the process that started the engine ends.

vLLM stops its processes when their owner shuts them down. An owner that is killed cannot do so, and an engine that
outlives it keeps its memory, which on a GPU is all of it, from the owner's successor.
"""

import os
import select
import threading
from typing import Any


class Lifeline:
    """An entry in vLLM's configuration, which every process of an engine unpickles before it does anything else.

    This covers the minutes in which an engine starts: a process whose owner dies before the configuration is sent has
    nothing to read and exits by itself; from the unpickling on, it watches its owner.
    """

    def __init__(self, owner_pid: int | None = None) -> None:
        self.owner_pid = os.getpid() if owner_pid is None else owner_pid

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (self.owner_pid,)

    def compute_hash(self) -> str:
        """Part of vLLM's key for compiled code. Constant, since a lifeline does not affect it."""
        return "lifeline"


_watching = threading.Lock()  # held once this process watches its owner


def _unpickle(owner_pid: int) -> Lifeline:
    """Recreate a lifeline. In a process other than the owner, the first one starts the watch."""
    if owner_pid != os.getpid() and _watching.acquire(blocking=False):
        threading.Thread(target=_exit_with, args=(owner_pid,), name="lifeline", daemon=True).start()
    return Lifeline(owner_pid)


def _exit_with(owner_pid: int) -> None:
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        pass  # it has ended already
    else:
        select.select([owner], [], [])  # readable once the process has ended
    os._exit(1)
