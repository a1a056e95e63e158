"""What a whole session holds and has used, read from the host's /proc.

The kernel's own limits on address space and processor time are per process, and control groups, where they exist, bound
a jail as a whole. This is what bounds one session with several processes.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LOWEST_PRIORITY = 19
FIRST_TO_END = "300"
_KIB = 1024
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Positions in /proc/PID/stat, behind the name in brackets: see proc_pid_stat(5).
_OWN_TICKS, _CHILDREN_TICKS, _THREADS, _START = slice(11, 13), slice(13, 15), 17, 19


@dataclass(frozen=True, slots=True)
class Usage:
    """What a session's processes come to together. `tasks` counts their threads."""

    memory_bytes: int = 0
    cpu_s: float = 0.0
    tasks: int = 0


class Meter:
    """Adds up the processes below one of them, that one included.

    Memory is what each holds beyond `inherited_bytes`, which it got by fork from the warm parent. Pages that several
    of the session's processes share count once for each there, and by their shares in `memory_shares_bytes`.

    Processor time is the larger of two sums that both miss something: what the living say of themselves and of children
    that they waited for, and what each was seen to use from look to look.
    """

    def __init__(self, pid: int, inherited_bytes: int) -> None:
        self._pid = pid
        self._inherited_bytes = inherited_bytes
        self._seen: dict[tuple[int, str], float] = {}  # (pid, start time) to processor time at the last look
        self._seen_cpu_s = 0.0

    def read(self) -> Usage:
        """Look at the session now. One that has ended comes to nothing."""
        pids = [self._pid, *descendants(self._pid)]
        told_cpu_s, tasks, seen = 0.0, 0, {}
        for pid in pids:
            fields = _stat(pid)
            if not fields:
                continue
            own_s = sum(map(int, fields[_OWN_TICKS])) * _TICK_S
            told_cpu_s += own_s + sum(map(int, fields[_CHILDREN_TICKS])) * _TICK_S
            tasks += int(fields[_THREADS])
            key = (pid, fields[_START])
            seen[key] = own_s
            self._seen_cpu_s += own_s - self._seen.get(key, 0.0)
        self._seen = seen
        held_bytes = sum(max(anonymous_bytes(pid) - self._inherited_bytes, 0) for pid in pids)
        return Usage(held_bytes, max(told_cpu_s, self._seen_cpu_s), tasks)

    def give_way(self) -> None:
        """Let the session's processes compute only when those of others do not want to: many of one would crowd out the
        single one that most sessions are. What they start later inherits it.
        """
        for pid in (self._pid, *descendants(self._pid)):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                for thread in os.listdir(f"/proc/{pid}/task"):  # a priority is a thread's own
                    os.setpriority(os.PRIO_PROCESS, int(thread), LOWEST_PRIORITY)

    def end_before_others(self) -> None:
        """Where memory runs out, the kernel is to end a session, whose children inherit this, before a warm parent."""
        with contextlib.suppress(OSError):  # not ours to say, or it has ended
            (PROC / str(self._pid) / "oom_score_adj").write_text(FIRST_TO_END)

    def memory_shares_bytes(self) -> int | None:
        """Memory with each shared page counted once, as exact as the kernel is; None if it does not tell us.

        Costs milliseconds a process: for those who are about to end a session.
        """
        shares = [_proportional_bytes(pid) for pid in (self._pid, *descendants(self._pid))]
        return None if None in shares else sum(share for share in shares if share is not None)


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, in no order."""
    below = children(pid)
    return below + [deeper for child in below for deeper in descendants(child)]


def children(pid: int) -> list[int]:
    """The processes that `pid` is the parent of."""
    try:
        threads = [*(PROC / str(pid) / "task").iterdir()]
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return []


def anonymous_bytes(pid: int) -> int:
    """Memory that no file stands behind, an anonymous shared mapping included; 0 if `pid` has ended."""
    return _sum_kib(PROC / str(pid) / "status", ("RssAnon:", "RssShmem:")) or 0


def resident_bytes(pid: int) -> int:
    """All memory that `pid` holds, files included; 0 if it has ended."""
    return _sum_kib(PROC / str(pid) / "status", ("VmRSS:",)) or 0


def _proportional_bytes(pid: int) -> int | None:
    return _sum_kib(PROC / str(pid) / "smaps_rollup", ("Pss_Anon:", "Pss_Shmem:"))


def _sum_kib(file: Path, keys: tuple[str, ...]) -> int | None:
    """The sum of the lines that start with `keys`, in bytes: 0 if the process has ended, None if we may not look."""
    try:
        lines = file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    except PermissionError:
        return None
    return sum(int(line.split()[1]) * _KIB for line in lines if line.startswith(keys))


def _stat(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
