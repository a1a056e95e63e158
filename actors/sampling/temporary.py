"""The temporary folder of a sampler, which its successor on the host removes if it was killed.

vLLM and multiprocessing keep sockets and folders in the folder for temporary files, and remove them when they end well.

The folder says whose it is. A successor that finds its predecessor alive ends it: it was stopped (SIGSTOP) or cut off
when its driver and Ray ended without it, and would keep its memory for good.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from sandbox.claims import Claim, is_abandoned
from sandbox.jail.procfs import end_process, stat_fields

_PREFIX = "automathes-sampler-"
_LONGEST_PATH = 70  # the path of a socket has 107 bytes at most, of which vLLM's names take 37
_OWNER = "owner"
_START_FIELD = 19  # of those after the name: proc_pid_stat(5), field 22


class TemporaryFolder:
    """A folder for all temporary files of this process, and of those that it starts from now on."""

    def __init__(self, owner: str) -> None:
        """End the predecessor and remove what it and other killed processes have left; make the folder and claim it.

        Of an `owner`, such as a sampler of a run, there is one process at a time.
        """
        parent = Path(tempfile.gettempdir())
        name = hashlib.sha256(owner.encode()).hexdigest()  # the owner may hold the password of a store
        for left in parent.glob(f"{_PREFIX}*"):
            _end_owner(left, name)
            if (left / _OWNER).is_file() and is_abandoned(left):  # whatever else has such a name is not ours
                shutil.rmtree(left, ignore_errors=True)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._claim = Claim(self._folder)
        (self._folder / _OWNER).write_text(f"{name} {os.getpid()} {_started_at(os.getpid())}")
        if len(os.fsencode(self._folder)) <= _LONGEST_PATH:
            _use(self._folder, parent)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._claim.release()


def _end_owner(folder: Path, name: str) -> None:
    """Kill the process that a folder belongs to if it has this name and lives; wait until it has ended."""
    with contextlib.suppress(OSError, ValueError):
        owner, pid, started_at = (folder / _OWNER).read_text().split()
        if owner == name and int(pid) != os.getpid():
            end_process(int(pid), lambda pid: _started_at(pid) == started_at)


def _started_at(pid: int) -> str | None:
    """When a process started, in clock ticks; None if there is none, or it has ended and waits for its parent."""
    fields = stat_fields(pid)
    return fields[_START_FIELD] if fields and fields[0] != "Z" else None


def _use(folder: Path, parent: Path) -> None:
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(parent / f"torchinductor_{os.getuid()}"))  # to be found again
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # it is looked up again
