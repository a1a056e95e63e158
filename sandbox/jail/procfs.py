"""Reads the host's /proc: the tree of processes, and the memory of each."""

from pathlib import Path

PROC = Path("/proc")
_KIB = 1024


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, in no particular order."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child)]


def children(pid: int) -> list[int]:
    """The direct children of `pid`, started by any of its threads."""
    try:
        threads = [*(PROC / str(pid) / "task").iterdir()]
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has exited meanwhile
        return []


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the command name, see proc_pid_stat(5); empty if `pid` has exited."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def anonymous_bytes(pid: int) -> int:
    """Memory not backed by a file, anonymous shared mappings included; 0 if `pid` has exited."""
    return _sum_kib(PROC / str(pid) / "status", ("RssAnon:", "RssShmem:")) or 0


def resident_bytes(pid: int) -> int:
    """All resident memory of `pid`, file mappings included; 0 if it has exited."""
    return _sum_kib(PROC / str(pid) / "status", ("VmRSS:",)) or 0


def proportional_bytes(pid: int) -> int | None:
    """As `anonymous_bytes`, with each shared page divided by the number of its users.

    0 if `pid` has exited, None if this process may not read it.
    """
    return _sum_kib(PROC / str(pid) / "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))


def _sum_kib(file: Path, keys: tuple[str, ...]) -> int | None:
    """The sum of the lines that start with `keys`, in bytes: 0 if the process has exited, None without permission."""
    try:
        lines = file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return None
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith(keys))
