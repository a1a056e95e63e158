"""What a run must not leave on the machine: processes, shared memory, control groups, temporary folders, mounts."""

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

from sandbox.jail.cgroup import find_cgroups
from tests.processes import Processes, described, left_after

SETTLE_S = 60.0
SHARED_MEMORY = Path("/dev/shm")
RAY, CACHE = "ray", "torchinductor_"  # Ray's own folder of logs, which it keeps; a cache, by its prefix


@dataclass(frozen=True, slots=True)
class Machine:
    """What was there before a run."""

    segments: frozenset[str]
    groups: frozenset[str]

    @classmethod
    def now(cls) -> "Machine":
        return cls(frozenset(_segments()), frozenset(control_groups()))

    def violations(self, processes: Processes, temporary: Path, run_folder: Path) -> list[str]:
        """What is still there of a run, a line each. Ending processes get `SETTLE_S`."""
        found = [f"process {described(process)}" for process in left_after(processes, SETTLE_S)]
        in_use = _mapped_segments()
        found += [f"shared memory {name}" for name in _segments() if name not in self.segments | in_use]
        found += [f"control group {name}" for name in _new_groups(self.groups)]
        found += [f"temporary {path}" for path in sorted(temporary.iterdir()) if not _is_kept(path.name)]
        found += [f"unfinished {path}" for path in sorted(run_folder.rglob(".tmp-*"))]
        return [f"left behind: {what}" for what in found]


def _is_kept(name: str) -> bool:
    return name == RAY or name.startswith(CACHE)


def _segments() -> set[str]:
    return {path.name for path in SHARED_MEMORY.iterdir()} | _system_v_segments()


def _system_v_segments() -> set[str]:
    """Segments that no process has attached."""
    rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {f"System V {row[1]}" for row in rows if row[6] == "0"}


def _mapped_segments() -> set[str]:
    """The names of segments that a process of the machine has mapped: they are somebody's."""
    names = set()
    for maps in Path("/proc").glob("[0-9]*/maps"):
        with contextlib.suppress(OSError):
            lines = maps.read_text().splitlines()
            names |= {line.rpartition("/")[2] for line in lines if f" {SHARED_MEMORY}/" in line}
    return names


def _new_groups(before: frozenset[str]) -> set[str]:
    """The control groups that are new, stay, and have no processes, which would be somebody's."""
    deadline = time.monotonic() + SETTLE_S
    groups = {group for group in control_groups() - before if _is_empty(Path(group))}
    while groups and time.monotonic() < deadline:
        time.sleep(0.5)
        groups = {group for group in groups & control_groups() if _is_empty(Path(group))}
    return groups


def _is_empty(group: Path) -> bool:
    with contextlib.suppress(OSError):
        return not (group / "cgroup.procs").read_text().strip()
    return False


def control_groups() -> set[str]:
    """The control groups below those that all sandboxes share."""
    cgroups = find_cgroups()
    parents = {cgroups.memory_parent, cgroups.pids_parent} - {None}
    return {folder for parent in parents for folder, _, _ in os.walk(str(parent))}
