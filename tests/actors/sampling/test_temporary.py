"""Temporary folders of samplers: claimed while their process lives, and removed by a successor."""

import os
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
folder = TemporaryFolder()
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


def make_old(folder: Path) -> None:
    os.utime(folder, (time.time() - 60,) * 2)


def test_what_a_killed_process_left_is_removed_by_the_next_and_not_what_is_in_use(shared: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    left = Path(owner.stdout.readline().strip())
    assert (left / "socket").exists()
    make_old(left)
    TemporaryFolder().remove()
    assert left.exists()
    owner.kill()
    owner.wait()
    make_old(left)
    os.environ["TMPDIR"], tempfile.tempdir = str(shared), None
    TemporaryFolder().remove()
    assert not left.exists()


def test_temporary_files_are_made_in_it_and_go_with_it(shared: Path) -> None:
    folder = TemporaryFolder()
    with tempfile.NamedTemporaryFile(delete=False) as file:
        assert Path(file.name).parent.parent == shared
    folder.remove()
    assert not Path(file.name).exists()
