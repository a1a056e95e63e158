"""The nsjail config of one jail: policy.cfg, adapted to this host."""

import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import text_format  # type: ignore[import-untyped]
from nsjail._proto import config_pb2

from sandbox.jail.cgroup import Cgroups, CgroupVersion
from sandbox.policy import read_policy

GUEST_FOLDER = Path(__file__).parents[1] / "guest"
NOBODY = "65534"

JAIL_PYTHON = "/python"
JAIL_PACKAGES = "/packages"
JAIL_GUEST = "/guest"


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
    """The nsjail config of one jail: policy.cfg, adapted to this host's interpreter, user and cgroups.

    Raises FileNotFoundError if one of `packages` is not installed.
    """
    policy = read_policy()
    _map_users(policy, as_root, user)
    _mount_interpreter(policy)
    for name in packages:
        _bind(policy, package_path(name), f"{JAIL_PACKAGES}/{package_path(name).name}")
    _bind(policy, GUEST_FOLDER, f"{JAIL_GUEST}/sandbox/guest")
    _lift_parent_limits(policy, open_files)
    _limit_jail(policy, cgroups, jail_memory_bytes, jail_processes)
    policy.pass_fd.append(control_fd)
    policy.envar.extend([f"LD_LIBRARY_PATH={JAIL_PYTHON}/lib", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"])
    policy.envar.append("PYTHONHASHSEED=0")  # every jail prints a set of strings in the same order
    policy.exec_bin.path = f"{JAIL_PYTHON}/bin/python3"
    start = (
        f"import random, sys; sys.path += ['{JAIL_PACKAGES}', '{JAIL_GUEST}']; "
        "from sandbox.guest.memory.heap import Heap; heap = Heap(); from sandbox.guest.zygote import main; main(heap)"
    )
    policy.exec_bin.arg.extend(["-P", "-s", "-S", "-B", "-X", "utf8", "-c", start, str(control_fd)])
    return str(text_format.MessageToString(policy))


def package_path(name: str) -> Path:
    """The installed path of a package, of its bundled libraries (`numpy.libs`) or metadata (`name-*.dist-info`).

    Raises FileNotFoundError if it is not installed.
    """
    folders = [Path(sysconfig.get_path(key)) for key in ("purelib", "platlib")]
    for folder in folders:
        for path in (*folder.glob(name), folder / f"{name}.py"):
            if path.exists():
                return path
    raise FileNotFoundError(f"the sandbox's package {name!r} is not installed in {folders[0]}")


def _map_users(policy: Any, as_root: bool, user: tuple[int, int]) -> None:
    """Map users and groups into the jail.

    Root maps itself for the parent, which reads host files in root's own folders, and the real nobody for sessions. An
    ordinary user can map one id only: the parent and the sessions are then both nobody inside and that user outside.
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


def _lift_parent_limits(policy: Any, open_files: int) -> None:
    """Exempt the parent from the session limits: it lives longer and holds a descriptor for each session."""
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
