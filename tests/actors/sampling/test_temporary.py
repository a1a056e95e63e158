"""Temporary folders of samplers: claimed while their process lives, and removed by a successor."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.sampling.temporary import TemporaryFolder

ROOT = Path(__file__).parents[3]
OWNER = f"""
import sys, tempfile, time
sys.path.insert(0, {str(ROOT)!r})
from actors.sampling.temporary import TemporaryFolder
folder = TemporaryFolder(sys.argv[1])
open(tempfile.gettempdir() + "/socket", "w").close()
print(tempfile.gettempdir(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, short enough for the paths of sockets."""
    with tempfile.TemporaryDirectory(prefix="t-", dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", None)
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "")
        yield Path(folder)
    tempfile.tempdir = None


def start(name: str) -> tuple[subprocess.Popen[str], Path]:
    """A process with a folder, and the folder."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER, name], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    return owner, Path(owner.stdout.readline().strip())


def make_old(folder: Path) -> None:
    os.utime(folder, (time.time() - 60,) * 2)


def test_what_a_killed_process_left_is_removed_by_the_next_and_not_what_is_in_use(shared: Path) -> None:
    owner, left = start("one")
    assert (left / "socket").exists()
    make_old(left)
    TemporaryFolder("another").remove()
    assert left.exists()
    owner.kill()
    owner.wait()
    make_old(left)
    os.environ["TMPDIR"], tempfile.tempdir = str(shared), None
    TemporaryFolder("another").remove()
    assert not left.exists()


def test_temporary_files_are_made_in_it_and_go_with_it(shared: Path) -> None:
    folder = TemporaryFolder("one")
    with tempfile.NamedTemporaryFile(delete=False) as file:
        assert Path(file.name).parent.parent == shared
    folder.remove()
    assert not Path(file.name).exists()


@pytest.mark.usefixtures("shared")
def test_a_predecessor_that_was_stopped_is_ended_and_nobody_else() -> None:
    """As after a driver that was killed while a sampler was stopped: the next driver's sampler has the same name."""
    (former, left), (other, kept) = start("one"), start("another")
    former.send_signal(signal.SIGSTOP)
    make_old(left)
    try:
        TemporaryFolder("one").remove()
        assert former.wait(timeout=10.0) == -signal.SIGKILL
        assert not left.exists()
        assert other.poll() is None
        assert kept.exists()
    finally:
        for process in (former, other):
            process.kill()
            process.wait()


@pytest.mark.usefixtures("shared")
def test_a_process_that_has_the_id_of_a_predecessor_is_not_taken_for_it() -> None:
    other, folder = start("one")
    try:
        name, pid, started_at = (folder / "owner").read_text().split()
        (folder / "owner").write_text(f"{name} {pid} {int(started_at) - 1}")
        TemporaryFolder("one").remove()
        assert other.poll() is None
        (folder / "owner").write_text("damaged")
        TemporaryFolder("one").remove()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_folders_of_others_are_left_alone_whatever_their_name(shared: Path) -> None:
    others = [shared / "automathes-sampler-of-somebody", shared / "automathes-runs"]
    for other in others:
        other.mkdir()
        (other / "file").touch()
        make_old(other)
    TemporaryFolder("one").remove()
    assert all((other / "file").exists() for other in others)
