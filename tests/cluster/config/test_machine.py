"""GPUs, memory and disk of this machine."""

from pathlib import Path

import pytest

from cluster.config.machine import Gpu, available_memory_bytes, find_gpus, free_disk_bytes, parse_gpus, this_machine


def test_gpus_are_read_from_nvidia_smi_and_slices_without_memory_are_skipped() -> None:
    gpus = parse_gpus("NVIDIA H200, 143771, 143000\nNVIDIA H200, [N/A], [N/A]\n")

    assert gpus == (Gpu("NVIDIA H200", 143771 * 2**20, 143000 * 2**20),)


def test_a_failing_driver_means_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_gpus() == ()


def test_this_machine_is_measured(tmp_path: Path) -> None:
    machine = this_machine(tmp_path / "not" / "there" / "yet")

    assert machine.cpus >= 1
    assert 0 < available_memory_bytes() < 2**50
    assert machine.disk_bytes == pytest.approx(free_disk_bytes(tmp_path), rel=0.05)
