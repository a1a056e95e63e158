"""A server beside a run is waited for, reported when it fails, and never outlives the command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cluster.config.listening import free_port
from cluster.monitoring.server import MonitoringError, running

SERVE = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port('127.0.0.1', 0)}/"


def port_of(url: str) -> str:
    return url.rstrip("/").rpartition(":")[2]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_server_is_ready_once_it_answers_and_ends_with_its_context(url: str, tmp_path: Path) -> None:
    with running("Files", [*SERVE, port_of(url)], url, tmp_path / "log.txt") as server:
        server.wait_until_ready(60.0)
        server.require_alive()
    assert server.process.poll() is not None


def test_a_server_that_ends_is_reported_with_its_last_words(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no such disk')"]
    with (
        running("Files", command, url, tmp_path / "log.txt") as server,
        pytest.raises(MonitoringError, match=r"Files ended with code 1: *\nno such disk"),
    ):
        server.wait_until_ready(60.0)


def test_a_server_that_never_answers_is_given_up(url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with (
        running("Files", command, url, tmp_path / "log.txt") as server,
        pytest.raises(MonitoringError, match=r"does not serve after 0.3 s"),
    ):
        server.wait_until_ready(0.3)


def test_a_program_that_cannot_be_run_is_named(url: str, tmp_path: Path) -> None:
    with (
        pytest.raises(MonitoringError, match="/no/prometheus cannot be run: No such file"),
        running("Prometheus", ["/no/prometheus"], url, tmp_path / "log.txt"),
    ):
        pass


def test_a_server_ends_with_a_command_that_was_killed(url: str, tmp_path: Path) -> None:
    owner = (
        "import sys, time; from pathlib import Path; from cluster.monitoring.server import running\n"
        "with running('Files', sys.argv[2:], '', Path(sys.argv[1])) as server:\n"
        "    print(server.process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", owner, str(tmp_path / "log.txt"), *SERVE, port_of(url)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        server = psutil.Process(int(process.stdout.readline()))
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
