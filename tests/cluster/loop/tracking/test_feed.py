"""A feed whose tracker raises, blocks or dies: the caller goes on, and what was not logged is logged later."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from cluster.config.tracking import TrackingSettings
from cluster.loop.tracking.backlog import Backlog
from cluster.loop.tracking.feed import Feed
from cluster.loop.tracking.point import Axis, Point, TrackedRun

from .reading import read_tensorboard

LIMIT_S = 120.0

TRACKER = """
import os, time
from pathlib import Path
from cluster.loop.tracking.point import Axis

class Tracker:
    where, logged = "here", {}

    def __init__(self, folder):
        self._folder = folder
        if (folder / "logged").is_file():
            self.logged = {Axis.POLICY: int((folder / "logged").read_text().split()[-1])}

    def log(self, points):
        self._do("log")
        with (self._folder / "logged").open("a") as file:
            file.writelines(f"{point.step}\\n" for point in points)

    def close(self):
        self._do("close")

    def _do(self, moment):
        if (self._folder / f"raise-{moment}").exists():
            raise ConnectionError(f"no server to {moment}\\nsecond line")
        if (self._folder / f"die-{moment}").exists():
            (self._folder / f"die-{moment}").unlink()
            os._exit(3)
        while (self._folder / f"block-{moment}").exists():
            (self._folder / "blocks").touch()
            time.sleep(0.05)

def open_tracker(run):
    tracker = Tracker(run.folder)
    tracker._do("open")
    return tracker
"""


class Fed:
    """A feed to a tracker that misbehaves at moments for which there is a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []
        self._feed: Feed | None = None

    def start(self) -> Feed:
        run = TrackedRun("id", self.folder, TrackingSettings(), {})
        self._feed = Feed("played", "played_tracker", run, self.notes.append, first_pause_s=0.1)
        return self._feed

    def logged(self) -> list[int]:
        file = self.folder / "logged"
        return [int(line) for line in file.read_text().split()] if file.is_file() else []

    def end(self) -> None:
        for file in self.folder.glob("*-*"):
            file.unlink()
        if self._feed is not None:
            self._feed.close(0.0)


@pytest.fixture
def fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fed]:
    (tmp_path / "played_tracker.py").write_text(TRACKER)
    monkeypatch.syspath_prepend(str(tmp_path))
    fed = Fed(tmp_path)
    yield fed
    fed.end()


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)


def policies(*versions: int) -> list[Point]:
    return [Point(Axis.POLICY, version, 0.0, {"policy_version": version}) for version in versions]


@pytest.mark.parametrize("moment", ["open", "log"])
def test_a_tracker_that_raises_is_noted_once_and_gets_everything_later(fed: Fed, moment: str) -> None:
    (fed.folder / f"raise-{moment}").touch()
    feed = fed.start()
    feed.put(policies(0, 1))
    failure = f"no metrics for now, the run goes on: ConnectionError: no server to {moment}"
    wait_for(lambda: any(failure in note for note in fed.notes), "the note")
    feed.put(policies(2))
    (fed.folder / f"raise-{moment}").unlink()
    wait_for(lambda: fed.logged() == [0, 1, 2], "the points")
    assert "second line" not in "".join(fed.notes)
    feed.close(LIMIT_S)


def test_a_tracker_that_dies_is_started_again_and_gets_each_step_once(fed: Fed) -> None:
    (fed.folder / "die-log").touch()
    feed = fed.start()
    feed.put(policies(0, 1))
    wait_for(lambda: fed.logged() == [0, 1], "the points")
    feed.put(policies(0, 1, 2))
    feed.close(LIMIT_S)
    assert fed.logged() == [0, 1, 2]


@pytest.mark.parametrize("moment", ["open", "log", "close"])
def test_a_tracker_that_blocks_holds_up_neither_the_run_nor_its_end(
    fed: Fed, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    (fed.folder / f"block-{moment}").touch()
    feed = fed.start()
    feed.put(policies(0))
    if moment != "close":
        wait_for((fed.folder / "blocks").exists, "the block")
        feed.put(policies(1))
        feed.close(0.2)
    else:
        wait_for(lambda: fed.logged() == [0], "the point")
        feed.close(3.0)
    assert "played had not completed its work" in caplog.text
    wait_for(lambda: not _processes_with(fed.folder), "the end of the process")


def test_a_tracker_that_has_steps_already_is_not_given_them_again(fed: Fed) -> None:
    (fed.folder / "logged").write_text("0\n1\n")
    feed = fed.start()
    feed.put(policies(0, 1, 2))
    feed.close(LIMIT_S)
    assert fed.logged() == [0, 1, 2]


def test_a_backlog_keeps_every_policy_and_the_last_steps_of_trainings() -> None:
    backlog = Backlog(max_steps=3)
    backlog.add(policies(*range(10)))
    backlog.add(Point(Axis.TRAINING, number, 0.0, {}) for number in (1, 2, 3, 3, 2, 4, 5))
    batch = backlog.next_batch() or []
    assert [point.step for point in batch if point.axis is Axis.POLICY] == list(range(10))
    assert [point.step for point in batch if point.axis is Axis.TRAINING] == [3, 4, 5]
    assert backlog.dropped == 2


def test_the_process_of_a_tracker_ends_with_a_driver_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import time
from pathlib import Path
from cluster.config.tracking import TrackingSettings
from cluster.loop.tracking.feed import Feed
from cluster.loop.tracking.point import Axis, Point, TrackedRun
run = TrackedRun("id", Path({str(tmp_path)!r}), TrackingSettings(), {{}})
feed = Feed("tensorboard", "cluster.loop.tracking.trackers.tensorboard", run, print)
feed.put([Point(Axis.POLICY, 0, 0.0, {{"policy_version": 0.0}})])
while len(feed._backlog):
    time.sleep(0.05)
print("pid", feed._process._process.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        pid = next(int(line.split()[1]) for line in driver.stdout if line.startswith("pid"))
        os.kill(driver.pid, signal.SIGKILL)
    wait_for(lambda: not _lives(pid), "the end of the tracker's process")
    assert read_tensorboard(tmp_path / "tensorboard")["policy_version"] == [(0, 0)]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _processes_with(folder: Path) -> list[int]:
    """The processes of trackers whose modules are in a folder."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if str(folder) in process.environ().get("PYTHONPATH", "") and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found
