"""Which control groups are found, in a real hierarchy of version 2 where the machine has one mounted."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.jail.cgroup import CONTROLLERS, LEAF, PARENT, Cgroups, CgroupVersion, find_cgroups

NOBODY = 65534


@dataclass(frozen=True)
class Delegated:
    """A group of version 2 with the machine's controllers, as a container or systemd delegates one."""

    group: Path
    controllers: tuple[str, ...]

    def membership(self, folder: Path, group: Path) -> Path:
        """A /proc/self/cgroup of a process in `group`, with the path relative to the mount."""
        file = folder / "cgroup"
        file.write_text(f"12:memory:/\n0::/{group.relative_to(self.group)}\n")
        return file


@pytest.fixture
def delegated() -> Iterator[Delegated]:
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    tree = next((Path(folder) for _, folder, kind, *_ in mounts if kind == "cgroup2"), None)
    if tree is None or os.geteuid() != 0:
        pytest.skip("needs root and a mounted cgroup2")
    offered = (tree / "cgroup.controllers").read_text().split()
    controllers = CONTROLLERS if set(CONTROLLERS) <= set(offered) else tuple(offered[:2])
    group = tree / f"automathes-test-{os.getpid()}"
    with ExitStack() as cleaning:
        for name in set(controllers) - set((tree / "cgroup.subtree_control").read_text().split()):
            cleaning.callback((tree / "cgroup.subtree_control").write_text, f"-{name}")
        try:
            (tree / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
            group.mkdir()
        except OSError as error:
            pytest.skip(f"no group of version 2 can be made here: {error}")
        cleaning.callback(remove, group)
        yield Delegated(group, controllers)


def remove(group: Path) -> None:
    for below in [path for path in group.iterdir() if path.is_dir()]:
        remove(below)
    for _ in range(100):  # the kernel takes a moment to release exited processes
        try:
            return group.rmdir()
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{group} is still in use")


@pytest.fixture
def inhabitant(delegated: Delegated) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the delegated group itself, for which the kernel refuses to delegate controllers further."""
    with subprocess.Popen(["sleep", "30"]) as process:
        (delegated.group / "cgroup.procs").write_text(str(process.pid))
        yield process
        process.kill()


def group_of(pid: int) -> str:
    lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    return next(line.rpartition("/")[2] for line in lines if line.startswith("0::"))


def test_an_empty_group_delegates_its_controllers_to_ours(delegated: Delegated) -> None:
    found = find_cgroups(delegated.group, controllers=delegated.controllers)

    assert (found.version, found.memory_parent) == (CgroupVersion.V2, delegated.group / PARENT)
    assert (delegated.group / PARENT / "cgroup.subtree_control").read_text().split() == list(delegated.controllers)


def test_a_containers_processes_are_moved_to_a_leaf_and_go_on(
    delegated: Delegated, inhabitant: subprocess.Popen[bytes]
) -> None:
    found = find_cgroups(delegated.group, controllers=delegated.controllers)

    assert found.memory_parent == delegated.group / PARENT
    assert group_of(inhabitant.pid) == LEAF
    assert inhabitant.poll() is None


@pytest.mark.usefixtures("inhabitant")
def test_a_process_moved_to_the_leaf_finds_the_same_group_again(delegated: Delegated, tmp_path: Path) -> None:
    scope = delegated.group
    first = find_cgroups(scope, controllers=delegated.controllers)
    moved = delegated.membership(tmp_path, scope / LEAF)

    assert find_cgroups(scope, moved, delegated.controllers) == first
    assert sorted(path.name for path in scope.iterdir() if path.is_dir()) == [PARENT, LEAF]


@pytest.mark.parametrize("owned", [True, False], ids=["delegated", "not-delegated"])
def test_an_ordinary_user_uses_the_group_that_was_delegated_and_no_other(delegated: Delegated, owned: bool) -> None:
    """The group's files belong to the user, as with `systemd-run --user --scope`; those above it do not."""
    scope = delegated.group / "run.scope"
    (delegated.group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in delegated.controllers))
    scope.mkdir()
    if owned:
        for path in (scope, *(scope / f"cgroup.{name}" for name in ("procs", "threads", "subtree_control"))):
            os.chown(path, NOBODY, NOBODY)
    with (
        tempfile.TemporaryDirectory() as folder,  # tmp_path is readable by root only
        subprocess.Popen(["sleep", "30"], user=NOBODY, group=NOBODY, extra_groups=[]) as process,
    ):
        (scope / "cgroup.procs").write_text(str(process.pid))
        membership = delegated.membership(Path(folder), scope)
        os.chmod(folder, 0o755)
        with effective_user(NOBODY):
            found = find_cgroups(delegated.group, membership, delegated.controllers)
        left_in = group_of(process.pid)
        process.kill()

    assert found.memory_parent == (scope / PARENT if owned else None)
    assert left_in == (LEAF if owned else scope.name)


@contextmanager
def effective_user(number: int) -> Iterator[None]:
    os.seteuid(number)
    try:
        yield
    finally:
        os.seteuid(0)


def test_groups_of_jails_that_nobody_claims_are_removed_and_young_ones_stay(tmp_path: Path) -> None:
    long_ago = time.time() - 60
    for name in ("claimed", "left", "young"):
        (tmp_path / name / "NSJAIL.1234").mkdir(parents=True)
    for name in ("claimed", "left"):
        os.utime(tmp_path / name, (long_ago, long_ago))
    groups = Cgroups(CgroupVersion.V1, memory_parent=tmp_path)
    [claim] = Cgroups(CgroupVersion.V1, memory_parent=tmp_path / "claimed").claim()
    groups.sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["claimed", "young"]
    claim.release()
    groups.sweep()
    assert [path.name for path in tmp_path.iterdir()] == ["young"]
