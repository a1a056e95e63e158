"""The host's control groups: which version there is, whether this process may use them, and their OOM counters."""

import contextlib
import errno
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sandbox.claims import Claim, is_abandoned

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
PARENT = "automathes"
LEAF = "automathes.main"  # holds the processes of a group that may have none itself
CONTROLLERS = ("memory", "pids")
DELEGATE_TRIES = 10


class CgroupVersion(StrEnum):
    """Which of the kernel's two interfaces is mounted and writable."""

    V1 = "v1"
    V2 = "v2"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The parent groups in which nsjail makes one for each jail. None: that limit is not available on this host."""

    version: CgroupVersion
    memory_parent: Path | None = None
    pids_parent: Path | None = None

    def oom_kills(self) -> int:
        """How many processes below the memory parent the OOM killer has killed; 0 if that is not known."""
        if self.memory_parent is None:
            return 0
        name, key = (
            ("memory.events", "oom_kill") if self.version is CgroupVersion.V2 else ("memory.oom_control", "oom_kill")
        )
        files = [self.memory_parent / name, *self.memory_parent.glob(f"*/{name}")]
        return sum(_counter(file, key) for file in files)

    def for_jail(self, name: str) -> "Cgroups":
        """New parent groups for a single jail below these, which keeps its leftovers apart from other jails' groups.

        nsjail makes its group, named after a process id, inside them. CgroupVersion.NONE if they cannot be made.
        """
        if self.version is CgroupVersion.NONE:
            return self
        memory = _make(self.memory_parent / name) if self.memory_parent else None
        pids = _make(self.pids_parent / name) if self.pids_parent else None
        if self.version is CgroupVersion.V2 and (memory is None or not _delegate_controllers(memory)):
            return Cgroups(CgroupVersion.NONE)
        return Cgroups(self.version, memory, pids)

    def claim(self) -> list[Claim]:
        """Claim a jail's groups, so that no other process takes them for left behind."""
        return [Claim(parent) for parent in self._parents]

    def sweep(self) -> None:
        """Remove the empty groups of jails whose program was killed."""
        for parent in self._parents:
            for group in [path for path in parent.iterdir() if path.is_dir() and is_abandoned(path)]:
                with contextlib.suppress(OSError):  # its last processes are still exiting, or it is removed already
                    for leftover in group.glob("NSJAIL*"):  # of an nsjail that was killed
                        leftover.rmdir()
                    group.rmdir()

    def remove(self) -> bool:
        """Remove a jail's groups and those that nsjail left in them. Returns False while one is still in use."""
        for parent in self._parents:
            for group in [*parent.glob("NSJAIL*"), parent]:
                with contextlib.suppress(FileNotFoundError):
                    try:
                        group.rmdir()
                    except OSError:
                        return False
        return True

    @property
    def _parents(self) -> set[Path]:
        return {parent for parent in (self.memory_parent, self.pids_parent) if parent is not None}


def find_cgroups(
    mount: Path = MOUNT, membership: Path = MEMBERSHIP, controllers: tuple[str, ...] = CONTROLLERS
) -> Cgroups:
    """Find the groups that this process may use, and make them if they are missing.

    Args:
        mount: Where control groups are mounted.
        membership: The file with the group that this process is in, see cgroups(7).
        controllers: The controllers that version 2 must delegate.
    """
    if (mount / "cgroup.controllers").exists():
        return _find_v2(mount, membership, controllers)
    memory, pids = _make(mount / "memory" / PARENT), _make(mount / "pids" / PARENT)
    if memory is None and pids is None:
        return Cgroups(CgroupVersion.NONE)
    return Cgroups(CgroupVersion.V1, memory, pids)


def _find_v2(mount: Path, membership: Path, controllers: tuple[str, ...]) -> Cgroups:
    """Make a group with delegated controllers: at the root of the hierarchy where that is permitted (as root), else
    below this process's own group, if that was delegated to its user (`systemd-run --user --scope`).
    """
    for group in (mount, *_own_groups(mount, membership)):
        if not _delegate_controllers(group, controllers):
            continue
        parent = _make(group / PARENT)
        if parent is not None and _delegate_controllers(parent, controllers):
            return Cgroups(CgroupVersion.V2, parent, parent)
    return Cgroups(CgroupVersion.NONE)


def _own_groups(mount: Path, membership: Path) -> list[Path]:
    """This process's group in version 2; the parent group instead, if the process was moved to our leaf there."""
    lines = _lines(membership)
    paths = [mount / line.removeprefix("0::/") for line in lines if line.startswith("0::/") and "/.." not in line]
    return [path.parent if path.name == LEAF else path for path in paths if path != mount]


def _delegate_controllers(group: Path, controllers: tuple[str, ...] = CONTROLLERS) -> bool:
    """Enable `controllers` for the groups below `group` (version 2).

    The kernel refuses (EBUSY) while `group` itself holds processes, unless it is the machine's root group. It does in a
    container, and in a group that systemd delegates. The processes are then moved to a leaf below it.
    """
    for _ in range(DELEGATE_TRIES):  # the processes there may fork meanwhile
        try:
            (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
        except OSError as error:
            if error.errno != errno.EBUSY or not _move_processes_to_leaf(group):
                return False
        else:
            return True
    return False


def _move_processes_to_leaf(group: Path) -> bool:
    leaf = _make(group / LEAF)
    if leaf is None:
        return False
    for pid in _lines(group / "cgroup.procs"):
        try:
            (leaf / "cgroup.procs").write_text(pid)
        except ProcessLookupError:
            continue
        except OSError:  # no permission to move it
            return False
    return True


def _make(group: Path) -> Path | None:
    """Make `group`. Returns None if its controller is not mounted or this process may not make groups in it."""
    if not group.parent.is_dir() or not (group.parent / "cgroup.procs").exists():
        return None
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return None
    return group if os.access(group, os.W_OK) else None


def _counter(file: Path, key: str) -> int:
    pairs = (line.partition(" ") for line in _lines(file))
    return sum(int(value) for name, _, value in pairs if name == key)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:  # missing, or the group was removed meanwhile
        return []
