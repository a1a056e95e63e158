"""The host's control groups: which version, whether we may use them, and what they counted."""

import contextlib
import os
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
PARENT = "automathes"
STALE_S = 120.0


class CgroupVersion(StrEnum):
    """Which of the kernel's two interfaces is mounted and writable here."""

    V1 = "v1"
    V2 = "v2"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Cgroups:
    """Groups under which nsjail makes one for each jail. A parent that is None: no such limit on this host."""

    version: CgroupVersion
    memory_parent: Path | None = None
    pids_parent: Path | None = None

    def out_of_memory_kills(self) -> int:
        """How many processes the kernel has ended for want of memory below our parent group, as far as it says."""
        if self.memory_parent is None:
            return 0
        name, key = (
            ("memory.events", "oom_kill") if self.version is CgroupVersion.V2 else ("memory.oom_control", "oom_kill")
        )
        files = [self.memory_parent / name, *self.memory_parent.glob(f"*/{name}")]
        return sum(_counter(file, key) for file in files)

    def for_jail(self, name: str) -> "Cgroups":
        """Groups of one jail's own below these, so that what it leaves can be told from what others start.

        nsjail makes its group in them, named after a process. None, if they cannot be made.
        """
        if self.version is CgroupVersion.NONE:
            return self
        memory = _make(self.memory_parent / name) if self.memory_parent else None
        pids = _make(self.pids_parent / name) if self.pids_parent else None
        if self.version is CgroupVersion.V2 and (memory is None or not _hand_down(memory)):
            return Cgroups(CgroupVersion.NONE)
        return Cgroups(self.version, memory, pids)

    def sweep(self) -> None:
        """Remove the empty groups of jails whose program was killed; those of a jail that is starting are young."""
        for parent in {self.memory_parent, self.pids_parent} - {None}:
            assert parent is not None
            for group in [path for path in parent.iterdir() if path.is_dir()]:
                with contextlib.suppress(OSError):  # still in use, or gone already
                    if time.time() - group.stat().st_mtime > STALE_S:
                        group.rmdir()

    def remove(self) -> bool:
        """Remove a jail's groups and what nsjail left in them. False while the kernel still holds one."""
        for parent in {self.memory_parent, self.pids_parent} - {None}:
            assert parent is not None
            for group in [*parent.glob("NSJAIL*"), parent]:
                with contextlib.suppress(FileNotFoundError):
                    try:
                        group.rmdir()
                    except OSError:
                        return False
        return True


def find_cgroups(mount: Path = MOUNT) -> Cgroups:
    """The groups that this process may use, made if they are missing."""
    if (mount / "cgroup.controllers").exists():
        return _find_v2(mount)
    memory, pids = _make(mount / "memory" / PARENT), _make(mount / "pids" / PARENT)
    if memory is None and pids is None:
        return Cgroups(CgroupVersion.NONE)
    return Cgroups(CgroupVersion.V1, memory, pids)


def _find_v2(mount: Path) -> Cgroups:
    """Version 2 needs a group of ours with the controllers handed down, and no process of its own in it."""
    parent = _make(mount / PARENT)
    if parent is None or not _hand_down(mount) or not _hand_down(parent):
        return Cgroups(CgroupVersion.NONE)
    return Cgroups(CgroupVersion.V2, parent, parent)


def _hand_down(group: Path) -> bool:
    """Let groups below `group` limit memory and processes (version 2)."""
    try:
        (group / "cgroup.subtree_control").write_text("+memory +pids")
    except OSError:
        return False
    return True


def _make(group: Path) -> Path | None:
    """`group`, if its controller is mounted and we may make groups in it."""
    if not group.parent.is_dir() or not (group.parent / "cgroup.procs").exists():
        return None
    try:
        group.mkdir(exist_ok=True)
    except OSError:
        return None
    return group if os.access(group, os.W_OK) else None


def _counter(file: Path, key: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # the group went away meanwhile
        return 0
    return sum(int(value) for name, _, value in (line.partition(" ") for line in lines) if name == key)
