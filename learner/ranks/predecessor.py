"""Ends the process that had a rank before, if it is still there.

When a driver is killed, Ray ends the ranks of its learner, but not one that is stopped (SIGSTOP, a debugger, a frozen
container): that one would keep its memory, on a GPU all of it, from the rank of the driver's successor. So a rank has
its name in the environment that its process was started with, where its successor on the host finds it.
"""

import os
from pathlib import Path

from sandbox.jail.procfs import end_process

VARIABLE = "AUTOMATHES_RANK"


def rank_environment(run: str, rank: int) -> dict[str, str]:
    """The variables that a rank's process must be started with. `run` is the path of the run's folder."""
    return {VARIABLE: f"{rank} of {run}"}


def end_predecessors() -> list[int]:
    """Kill the processes that were started for the same rank of the same run as this one.

    Returns their process ids. Without a rank in the environment, and to processes of other users, nothing is done.
    """
    name = os.environ.get(VARIABLE)
    if name is None:
        return []
    found = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if _is_predecessor(pid, name)]
    for pid in found:
        end_process(pid, lambda pid: _is_predecessor(pid, name))
    return found


def _is_predecessor(pid: int, name: str) -> bool:
    """Whether a process that lives was started with the name; not this process, nor one that started it."""
    if pid in (os.getpid(), os.getppid()):
        return False
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{VARIABLE}={name}".encode() in variables
