"""Reads the host's /proc: the tree of processes, and the memory of each; ends processes that it shows."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

PROC = "/proc"
_KIB = 1024
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_READ_BYTES = 1 << 16
_ENDS_WITHIN_S = 10.0


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, in no particular order."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child)]


def children(pid: int) -> list[int]:
    """The direct children of `pid`, started by any of its threads."""
    try:
        tasks = f"{PROC}/{pid}/task"
        return [int(child) for thread in os.listdir(tasks) for child in _read(f"{tasks}/{thread}/children").split()]
    except (FileNotFoundError, ProcessLookupError):  # it has exited meanwhile
        return []


def end_process(pid: int, is_it: Callable[[int], bool]) -> None:
    """Kill a process while `is_it` says that the id is still its own, and wait until it has ended.

    Returns after some seconds all the same: a process that waits for a disk ends when that answers.
    """
    deadline = time.monotonic() + _ENDS_WITHIN_S
    while is_it(pid) and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command name, see proc_pid_stat(5); empty if `pid` has exited."""
    try:
        return _read(f"{PROC}/{pid}/stat").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def anonymous_bytes(pid: int) -> int:
    """Memory not backed by a file, anonymous shared mappings included; 0 if `pid` has exited."""
    return _sum_kib(f"{PROC}/{pid}/status", ("RssAnon:", "RssShmem:")) or 0


def resident_bytes(pid: int) -> int:
    """All resident memory of `pid`, file mappings included; 0 if it has exited. Takes a third of `anonymous_bytes`."""
    try:
        return int(_read(f"{PROC}/{pid}/statm").split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0


def proportional_bytes(pid: int) -> int | None:
    """As `anonymous_bytes`, with each shared page divided by the number of its users.

    0 if `pid` has exited, None if this process may not read it.
    """
    return _sum_kib(f"{PROC}/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))


def _sum_kib(file: str, keys: tuple[str, ...]) -> int | None:
    """The sum of the lines that start with `keys`, in bytes: 0 if the process has exited, None without permission."""
    try:
        lines = _read(file).splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return None
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith(keys))


def _read(file: str) -> str:
    """The text of a file of /proc. Without pathlib and text mode, which take longer than the kernel: a busy sandbox
    reads thousands a second.
    """
    descriptor = os.open(file, os.O_RDONLY)
    try:
        parts = []
        while part := os.read(descriptor, _READ_BYTES):
            parts.append(part)
        return b"".join(parts).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
