"""Workers that are stopped while they hold SQLite's write lock, by real processes with the names that Ray's have."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from cluster.loop.supervision.stopped_writer import stopped_writers_ended
from store.database.write_lock import write_lock_holder

WRITE = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("holds the lock", flush=True)
time.sleep(600)
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    return path


@pytest.fixture
def writer(database: Path) -> Iterator[Callable[[str], psutil.Process]]:
    """Starts a process of a name that holds the write lock."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str) -> psutil.Process:
        command = [name, "-c", WRITE, str(database)]
        process = subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "holds the lock\n"
        return psutil.Process(process.pid)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def write_within(database: Path, seconds: float) -> None:
    with closing(sqlite3.connect(database, timeout=seconds, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")


def test_a_stopped_worker_is_killed_and_the_others_go_on(
    database: Path, writer: Callable[[str], psutil.Process], caplog: pytest.LogCaptureFixture
) -> None:
    worker = writer("ray::Sampler.sample")
    worker.suspend()
    with stopped_writers_ended(database, every_s=0.02, after_s=0.2):
        write_within(database, 30.0)
    assert f"process {worker.pid} is killed" in caplog.text


@pytest.mark.parametrize(("name", "is_stopped"), [("ray::Sampler.sample", False), ("python", True)])
def test_a_worker_that_works_and_the_command_of_a_user_are_left_alone(
    database: Path, writer: Callable[[str], psutil.Process], name: str, is_stopped: bool
) -> None:
    process = writer(name)
    if is_stopped:
        process.suspend()
    with (
        stopped_writers_ended(database, every_s=0.02, after_s=0.1),
        pytest.raises(sqlite3.OperationalError, match="database is locked"),
    ):
        write_within(database, 1.0)
    assert write_lock_holder(database) == process.pid


def test_nobody_holds_the_lock_of_a_store_at_rest(database: Path, tmp_path: Path) -> None:
    assert write_lock_holder(database) is None
    assert write_lock_holder(tmp_path / "missing.db") is None
