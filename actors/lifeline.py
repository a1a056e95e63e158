"""The lifeline of an engine: its processes end when the one that started them is gone, however that died.

vLLM ends its processes when their owner shuts them down. An owner that was killed cannot, and an engine that outlives
it keeps its memory, on a GPU all of it, from the owner's successor.
"""

import os
import select
import threading
from typing import Any


class Lifeline:
    """Travels in vLLM's configuration, which each process of an engine unpickles before it does anything else.

    That is what covers the minutes in which an engine starts: a process whose owner dies earlier has no configuration
    to read and ends by itself; from the unpickling on, it watches its owner.
    """

    def __init__(self, owner_pid: int | None = None) -> None:
        self.owner_pid = os.getpid() if owner_pid is None else owner_pid

    def __reduce__(self) -> tuple[Any, ...]:
        return _hold, (self.owner_pid,)

    def compute_hash(self) -> str:
        """What vLLM asks of a part of its configuration: equal where compiled code may be shared, so always."""
        return "lifeline"


_held = threading.Lock()


def _hold(owner_pid: int) -> Lifeline:
    """Makes a lifeline anew; in another process than the owner's, the first one made there watches the owner."""
    if owner_pid != os.getpid() and _held.acquire(blocking=False):
        threading.Thread(target=_end_with, args=(owner_pid,), name="lifeline", daemon=True).start()
    return Lifeline(owner_pid)


def _end_with(owner_pid: int) -> None:
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        pass  # gone already
    else:
        select.select([owner], [], [])  # readable once the process has ended
    os._exit(1)
