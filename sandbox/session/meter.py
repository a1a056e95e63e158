"""The resources that a whole session holds and has used, read from the host's /proc.

The kernel's own limits on address space and processor time apply to each process, and control groups, where they
exist, to a jail as a whole. The sums here are what bounds one session with several processes.
"""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.jail.procfs import (
    PROC,
    anonymous_bytes,
    descendants,
    proportional_bytes,
    resident_bytes,
    stat_fields,
)

LOWEST_PRIORITY = 19
OOM_SCORE_ADJ = b"300"
_EXACT_FROM_BYTES = 1 << 23
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
# Positions among the fields of /proc/PID/stat after the command name: see proc_pid_stat(5).
_OWN_TICKS, _CHILDREN_TICKS, _THREADS, _START = slice(11, 13), slice(13, 15), 17, 19


@dataclass(frozen=True, slots=True)
class Usage:
    """The sums over a session's processes. `tasks` counts their threads."""

    memory_bytes: int = 0
    cpu_s: float = 0.0
    tasks: int = 0


class Meter:
    """Adds up the usage of a session's first process and all processes below it.

    Memory is what each holds beyond `inherited_bytes`, which it got by fork from the warm parent. Pages shared between
    the session's processes count once for each of them here, and proportionally in `proportional_memory_bytes`. Small
    sessions, which most are, count with the file pages that they have mapped.

    Processor time is the larger of two sums, neither of which is complete: what the living processes report of
    themselves and of children that they waited for, and what each was seen to use from one reading to the next.
    """

    def __init__(self, pid: int, parent_pid: int, inherited_bytes: int) -> None:
        self._pid, self._parent_pid = pid, parent_pid
        self._inherited_bytes = inherited_bytes
        self._seen: dict[tuple[int, str], float] = {}  # (pid, start time) to processor time at the last reading
        self._seen_cpu_s = 0.0

    def read(self) -> Usage:
        """The session's usage now; all zero if it has ended."""
        pids = [self._pid, *descendants(self._pid)]
        reported_cpu_s, tasks, seen = 0.0, 0, {}
        for pid in pids:
            fields = stat_fields(pid)
            if not fields:
                continue
            own_s = sum(map(int, fields[_OWN_TICKS])) * _TICK_S
            reported_cpu_s += own_s + sum(map(int, fields[_CHILDREN_TICKS])) * _TICK_S
            tasks += int(fields[_THREADS])
            key = (pid, fields[_START])
            seen[key] = own_s
            self._seen_cpu_s += own_s - self._seen.get(key, 0.0)
        self._seen = seen
        return Usage(self._held_bytes(pids), max(reported_cpu_s, self._seen_cpu_s), tasks)

    def _held_bytes(self, pids: list[int]) -> int:
        bound_bytes = self._beyond_inherited(resident_bytes, pids)
        return bound_bytes if bound_bytes < _EXACT_FROM_BYTES else self._beyond_inherited(anonymous_bytes, pids)

    def _beyond_inherited(self, memory_bytes: Callable[[int], int], pids: list[int]) -> int:
        return sum(max(memory_bytes(pid) - self._inherited_bytes, 0) for pid in pids)

    def lower_priority(self) -> None:
        """Set every thread of the session to the lowest priority, which later processes inherit.

        Otherwise one session with many processes would crowd out the single process that most sessions are.
        """
        for pid in (self._pid, *descendants(self._pid)):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has exited meanwhile
                for thread in os.listdir(f"/proc/{pid}/task"):  # priority is set per thread
                    os.setpriority(os.PRIO_PROCESS, int(thread), LOWEST_PRIORITY)

    def prefer_for_oom_kill(self) -> None:
        """Have the kernel's OOM killer choose the session, whose children inherit this, before a warm parent."""
        with contextlib.suppress(OSError):  # no permission, or it has exited
            file = os.open(f"{PROC}/{self._pid}/oom_score_adj", os.O_WRONLY)  # for each session: no pathlib
            try:
                os.write(file, OOM_SCORE_ADJ)
            finally:
                os.close(file)

    def proportional_memory_bytes(self) -> int | None:
        """Memory with each shared page counted once, as exactly as the kernel knows; None without permission.

        What the warm parent shares with the session is left out: its own share is that of each process. Takes
        milliseconds a process: call it only before ending a session.
        """
        inherited = proportional_bytes(self._parent_pid) or 0
        shares = [proportional_bytes(pid) for pid in (self._pid, *descendants(self._pid))]
        return None if None in shares else sum(max(share - inherited, 0) for share in shares if share is not None)
