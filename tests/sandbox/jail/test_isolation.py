"""The isolation seen from the host: nsjail's config, and the namespaces and mounts of sessions."""

import os
from pathlib import Path

import pytest
from google.protobuf import text_format
from nsjail._proto import config_pb2

from sandbox.interpreter import Sandbox, Session
from sandbox.jail.cgroup import Cgroups, CgroupVersion
from sandbox.jail.config import jail_config
from sandbox.jail.procfs import children
from sandbox.policy import POLICY_FILE, policy_limits
from sandbox.settings import SandboxSettings

OWN = ("mnt", "pid", "user", "ipc", "uts")
OF_THE_JAIL = ("net", "cgroup")


def namespace(pid: int, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def mounts_of(pid: int) -> list[list[str]]:
    """The fields of each line of proc_pid_mountinfo(5)."""
    return [line.split() for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines()]


def pid_of(session: Session) -> int:
    """The host's process id of the session's first process."""
    assert session._process is not None
    assert session._process.pid is not None
    return session._process.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read others' namespaces")
async def test_each_session_has_namespaces_of_its_own(sandbox: Sandbox) -> None:
    async with sandbox.session() as one, sandbox.session() as other:
        await one.run("1")
        await other.run("1")
        pids = [os.getpid(), pid_of(one), pid_of(other)]
        for kind in OWN:
            assert len({namespace(pid, kind) for pid in pids}) == 3, kind
        for kind in OF_THE_JAIL:
            host, first, second = (namespace(pid, kind) for pid in pids)
            assert host != first == second, kind


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read others' mounts")
async def test_every_mount_of_a_session_but_its_tmpfs_is_read_only(session: Session) -> None:
    await session.run("1")
    mounts = mounts_of(pid_of(session))
    writable = {fields[4] for fields in mounts if "rw" in fields[5].split(",")}
    assert "/python/bin/python3" in {fields[4] for fields in mounts}
    # The lower /tmp is the jail's, hidden below the session's.
    assert writable == {"/tmp"}
    assert all("nosuid" in fields[5] for fields in mounts if fields[4] != "/")


async def test_the_kernel_identifies_the_process_that_reports(session: Session) -> None:
    execution = await session.run("import os\nif os.fork() == 0:\n    import time\n    time.sleep(100)")
    assert execution.error == ""
    assert len(children(pid_of(session))) == 1


def test_the_policy_denies_what_a_jail_does_not_need() -> None:
    policy = text_format.Parse(POLICY_FILE.read_text(), config_pb2.NsJailConfig())
    for kind in ("user", "pid", "ns", "net", "ipc", "uts", "cgroup"):
        assert getattr(policy, f"clone_new{kind}")
    assert policy.iface_no_lo
    assert not policy.mount_proc
    assert not policy.keep_env
    assert not policy.keep_caps


def test_limits_are_read_from_the_policy() -> None:
    policy = text_format.Parse(POLICY_FILE.read_text(), config_pb2.NsJailConfig())
    settings = SandboxSettings()
    assert settings.memory_bytes == policy_limits().memory_bytes == policy.rlimit_as * 1024**2
    assert settings.processes == policy.rlimit_nproc
    assert settings.open_files == policy.rlimit_nofile
    assert f"size={settings.tmpfs_bytes}" in next(mount.options for mount in policy.mount if mount.dst == "/tmp")


def test_nothing_is_mounted_writable_but_the_tmpfs() -> None:
    config = jail_config(
        packages=("sympy",),
        control_fd=5,
        cgroups=Cgroups(CgroupVersion.NONE),
        as_root=True,
        user=(0, 0),
        jail_memory_bytes=1,
        jail_processes=1,
        open_files=64,
    )
    jail = text_format.Parse(config, config_pb2.NsJailConfig())
    assert {mount.dst for mount in jail.mount if mount.rw} == {"/tmp"}
    assert all(mount.nosuid for mount in jail.mount)
