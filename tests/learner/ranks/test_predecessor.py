"""The process that had a rank before is ended by its successor, also if it was stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from learner.ranks.predecessor import end_predecessors, rank_environment

SLEEP = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]


def start(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(SLEEP, env=os.environ | environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture
def stopped() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Rank 1 of a run, its rank 0, and rank 1 of another run."""
    processes = [start(rank_environment(run, rank)) for run, rank in (("/a", 1), ("/a", 0), ("/a2", 1))]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    yield processes
    for process in processes:
        process.kill()
        process.wait()


def test_a_stopped_predecessor_is_ended_and_nobody_else(
    stopped: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(*next(iter(rank_environment("/a", 1).items())))
    assert end_predecessors() == [stopped[0].pid]
    assert [psutil.Process(process.pid).status() for process in stopped] == ["zombie", "stopped", "stopped"]
    assert end_predecessors() == []


def test_nothing_is_ended_by_a_process_without_a_rank(
    stopped: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUTOMATHES_RANK", raising=False)
    assert end_predecessors() == []
    assert {psutil.Process(process.pid).status() for process in stopped} == {"stopped"}
