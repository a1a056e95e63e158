"""How much memory a whole session holds, read from the host's /proc.

The kernel's limit on address space is per process, and control groups, where they exist, bound a jail as a whole. This
is what bounds one session with several processes.
"""

import os
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROC = Path("/proc")


def session_bytes(jail_pid: int, session_pid: int) -> int:
    """Private memory of a session's processes, above what each got from the warm parent by fork.

    `jail_pid` is nsjail's process id on the host, `session_pid` that of the session's first process inside the jail.
    A session that has ended holds nothing.
    """
    for parent in _children(jail_pid):
        inherited = _private_bytes(parent)
        for child in _children(parent):
            if _pid_in_jail(child) == session_pid:
                return sum(max(_private_bytes(pid) - inherited, 0) for pid in (child, *_descendants(child)))
    return 0


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return children + [below for child in children for below in _descendants(child)]


def _children(pid: int) -> list[int]:
    try:
        threads = [*(PROC / str(pid) / "task").iterdir()]
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return []


def _private_bytes(pid: int) -> int:
    try:
        _, resident, shared, *_ = (PROC / str(pid) / "statm").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return (int(resident) - int(shared)) * PAGE_BYTES


def _pid_in_jail(pid: int) -> int | None:
    """The process id that the jail's warm parent knows: the second to last of the nested ones."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return None
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return int(numbers[-2]) if len(numbers) > 1 else None
