"""The findings of the host checks, for what the kernel reports."""

from pathlib import Path

import pytest

from sandbox import host
from sandbox.host import Level, check_host, find_forbidding_setting, missing_cgroups
from sandbox.jail.cgroup import Cgroups, CgroupVersion

ADMINISTRATOR, ORDINARY = "CapEff:\t000001ffffffffff\n", "CapEff:\t0000000000000000\n"
NONE = Cgroups(CgroupVersion.NONE)


def machine(folder: Path, status: str, **settings: str) -> Path:
    """A /proc with that process status; a setting's name has `__` for `/`."""
    (folder / "self").mkdir()
    (folder / "self/status").write_text(status)
    for name, value in settings.items():
        file = folder / "sys" / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{value}\n")
    return folder


def test_apparmors_restriction_is_named_with_its_remedy(tmp_path: Path) -> None:
    finding = find_forbidding_setting(machine(tmp_path, ORDINARY, kernel__apparmor_restrict_unprivileged_userns="1"))

    assert finding is not None
    assert finding.level is Level.FAIL
    assert "Ubuntu's AppArmor restriction" in finding.what
    assert "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0" in finding.remedy


def test_debians_setting_is_named_with_its_remedy(tmp_path: Path) -> None:
    finding = find_forbidding_setting(machine(tmp_path, ORDINARY, kernel__unprivileged_userns_clone="0"))

    assert finding is not None
    assert "sysctl -w kernel.unprivileged_userns_clone=1" in finding.remedy


def test_restrictions_on_ordinary_users_do_not_explain_a_failure_as_root(tmp_path: Path) -> None:
    settings = {"kernel__unprivileged_userns_clone": "0", "kernel__apparmor_restrict_unprivileged_userns": "1"}

    assert find_forbidding_setting(machine(tmp_path, ADMINISTRATOR, **settings)) is None


@pytest.mark.parametrize("kind", ["user", "pid", "mnt", "net", "ipc", "uts", "cgroup"])
def test_a_limit_of_zero_namespaces_is_named_for_root_too(tmp_path: Path, kind: str) -> None:
    finding = find_forbidding_setting(machine(tmp_path, ADMINISTRATOR, **{f"user__max_{kind}_namespaces": "0"}))

    assert finding is not None
    assert f"sysctl -w user.max_{kind}_namespaces=" in finding.remedy


def test_a_machine_that_allows_namespaces_has_no_forbidding_setting(tmp_path: Path) -> None:
    allowed = {"user__max_user_namespaces": "9", "kernel__apparmor_restrict_unprivileged_userns": "0"}

    assert find_forbidding_setting(machine(tmp_path, ORDINARY, **allowed)) is None


def test_a_refusal_without_such_a_setting_quotes_nsjails_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a container whose seccomp profile denies clone."""
    nsjail = tmp_path / "nsjail"
    nsjail.write_text(
        '#!/bin/sh\n[ "$1" = --help ] && exit 0\n'
        "echo '[W][2026-01-01T00:00:00+0000][7] runChild():511 clone(flags=CLONE_NEWUSER) failed: Not permitted' >&2\n"
        "echo '[E][2026-01-01T00:00:00+0000][7] standaloneMode():274 Could not launch the child' >&2\n"
        "exit 255\n"
    )
    nsjail.chmod(0o755)
    monkeypatch.setattr(host, "resolve_nsjail_path", lambda _: nsjail)

    finding = next(finding for finding in check_host() if finding.name == "namespaces")

    assert finding.level is Level.FAIL
    assert "clone(flags=CLONE_NEWUSER) failed: Not permitted" in finding.what
    assert "--cap-add SYS_ADMIN" in finding.remedy


def test_a_binary_that_is_not_nsjail_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "resolve_nsjail_path", lambda _: Path("/bin/false"))

    assert [finding.name for finding in check_host() if finding.level is Level.FAIL] == ["nsjail"]


def test_the_remedy_for_an_ordinary_user_is_a_delegated_group_of_version_2(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")

    finding = missing_cgroups(NONE, tmp_path, as_root=False)

    assert finding.level is Level.WARN
    assert "systemd-run --user --scope -p Delegate=yes" in finding.remedy


def test_the_remedy_for_a_kernel_without_the_memory_controller_is_a_boot_option(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")

    assert "cgroup_enable=memory" in missing_cgroups(NONE, tmp_path, as_root=True).remedy


def test_the_controller_that_a_partial_version_1_lacks_is_named(tmp_path: Path) -> None:
    partial = Cgroups(CgroupVersion.V1, memory_parent=tmp_path)

    assert "no control group for pids may be made" in missing_cgroups(partial, tmp_path, as_root=True).what
