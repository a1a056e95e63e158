"""The host's control groups: which version, whether we may use them, and what they counted."""

import contextlib
import errno
import os
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
PARENT = "automathes"
LEAF = "automathes.main"  # takes the processes of a group that must hold none itself
CONTROLLERS = ("memory", "pids")
EVACUATIONS = 10
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
                        for left in group.glob("NSJAIL*"):  # by an nsjail that was killed
                            left.rmdir()
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


def find_cgroups(
    mount: Path = MOUNT, membership: Path = MEMBERSHIP, controllers: tuple[str, ...] = CONTROLLERS
) -> Cgroups:
    """The groups that this process may use, made if they are missing.

    `mount`: where control groups are mounted. `membership`: the file that says which group this process is in.
    """
    if (mount / "cgroup.controllers").exists():
        return _find_v2(mount, membership, controllers)
    memory, pids = _make(mount / "memory" / PARENT), _make(mount / "pids" / PARENT)
    if memory is None and pids is None:
        return Cgroups(CgroupVersion.NONE)
    return Cgroups(CgroupVersion.V1, memory, pids)


def _find_v2(mount: Path, membership: Path, controllers: tuple[str, ...]) -> Cgroups:
    """Version 2 needs a group of ours with the controllers handed down: at the top where we may (root), else below the
    group that we were started in, if it was delegated to us (an ordinary user's `systemd-run --user --scope`).
    """
    for group in (mount, *_own_groups(mount, membership)):
        if not _hand_down(group, controllers):
            continue
        parent = _make(group / PARENT)
        if parent is not None and _hand_down(parent, controllers):
            return Cgroups(CgroupVersion.V2, parent, parent)
    return Cgroups(CgroupVersion.NONE)


def _own_groups(mount: Path, membership: Path) -> list[Path]:
    """The group of version 2 that this process is in; the one above instead, if it was moved to a leaf there."""
    lines = _lines(membership)
    paths = [mount / line.removeprefix("0::/") for line in lines if line.startswith("0::/") and "/.." not in line]
    return [path.parent if path.name == LEAF else path for path in paths if path != mount]


def _hand_down(group: Path, controllers: tuple[str, ...] = CONTROLLERS) -> bool:
    """Let groups below `group` use `controllers` (version 2).

    The kernel refuses (EBUSY) while `group` itself holds processes, unless it is the machine's topmost: that is so in a
    container, and in what systemd delegates. They are then moved to a leaf below it.
    """
    for _ in range(EVACUATIONS):  # those that are there may fork meanwhile
        try:
            (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
        except OSError as error:
            if error.errno != errno.EBUSY or not _evacuate(group):
                return False
        else:
            return True
    return False


def _evacuate(group: Path) -> bool:
    leaf = _make(group / LEAF)
    if leaf is None:
        return False
    for pid in _lines(group / "cgroup.procs"):
        try:
            (leaf / "cgroup.procs").write_text(pid)
        except ProcessLookupError:
            continue
        except OSError:  # not ours to move
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
    pairs = (line.partition(" ") for line in _lines(file))
    return sum(int(value) for name, _, value in pairs if name == key)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:  # not there, or the group went away meanwhile
        return []
