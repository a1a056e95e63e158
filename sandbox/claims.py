"""Claims on folders, which end with the process that made them, however it ends.

What a process keeps in folders stays when it is killed. A successor can tell such folders from those of processes that
live: a claim is a lock of the kernel's, on the folder itself. It holds across containers that share the folder, where
process ids say nothing.
"""

import contextlib
import fcntl
import os
import time
from pathlib import Path

_CLAIMED_WITHIN_S = 5.0  # of being made; until then a folder counts as claimed


class Claim:
    """This process's claim on a folder. Processes that it starts do not share it."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError if the folder cannot be opened, or another process has claimed it."""
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._fd)
            raise

    def release(self) -> None:
        """End the claim."""
        os.close(self._fd)


def is_abandoned(folder: Path) -> bool:
    """Whether nobody claims a folder that has been there for some seconds. Not, where this process may not look."""
    with contextlib.suppress(OSError):
        if time.time() - folder.stat().st_mtime > _CLAIMED_WITHIN_S:
            Claim(folder).release()
            return True
    return False
