"""What a run leaves on the machine is found, and what others have there is not."""

import subprocess
import sys
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest

from ...processes import Processes, end, left_after, marked
from . import machine
from .machine import Machine

CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(100)'])"


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SETTLE_S", 0.5)


def test_a_process_that_outlives_its_parent_is_found_by_its_mark(tmp_path: Path) -> None:
    processes = Processes.marked("mark of this test")
    subprocess.run([sys.executable, "-c", CHILD], env=marked("mark of this test"), check=True)
    found = Machine.now().violations(processes, tmp_path, tmp_path)
    end(processes)
    assert len(found) == 1
    assert "process" in found[0]
    assert left_after(processes, 10.0) == []


def test_a_segment_that_nobody_maps_is_found_and_one_in_use_is_not(tmp_path: Path) -> None:
    before, processes = Machine.now(), Processes.marked("no process has this mark")
    segment = SharedMemory(create=True, size=4096)
    try:
        assert before.violations(processes, tmp_path, tmp_path) == []
        segment.close()
        (found,) = before.violations(processes, tmp_path, tmp_path)
        assert segment.name in found
    finally:
        segment.unlink()


def test_temporary_files_and_unfinished_publications_are_found(tmp_path: Path) -> None:
    temporary, run_folder = tmp_path / "tmp", tmp_path / "run"
    (temporary / "ray").mkdir(parents=True)
    (temporary / "forgotten").mkdir()
    (run_folder / "policies" / ".tmp-v000002-77").mkdir(parents=True)
    found = Machine.now().violations(Processes.marked("no process has this mark"), temporary, run_folder)
    assert [line.rpartition("/")[2] for line in found] == ["forgotten", ".tmp-v000002-77"]
