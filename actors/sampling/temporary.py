"""The temporary folder of a sampler, which its successor on the host removes if it was killed.

vLLM and multiprocessing keep sockets and folders in the folder for temporary files, and remove them when they end well.
"""

import os
import shutil
import tempfile
from pathlib import Path

from sandbox.claims import Claim, is_abandoned

_PREFIX = "automathes-"
_LONGEST_PATH = 70  # the path of a socket has 107 bytes at most, of which vLLM's names take 37


class TemporaryFolder:
    """A folder for all temporary files of this process, and of those that it starts from now on."""

    def __init__(self) -> None:
        """Make the folder, claim it, and remove those that killed processes have left."""
        parent = Path(tempfile.gettempdir())
        for left in parent.glob(f"{_PREFIX}*"):
            if is_abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        self._claim = Claim(self._folder)
        if len(os.fsencode(self._folder)) <= _LONGEST_PATH:
            _use(self._folder, parent)

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._claim.release()


def _use(folder: Path, parent: Path) -> None:
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(parent / f"torchinductor_{os.getuid()}"))  # to be found again
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None  # it is looked up again
