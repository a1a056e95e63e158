"""Locks of the kernel's on files: shared by those that use something, exclusive for the one that makes or removes it.

A lock ends with the process that holds it, however it ends. Several processes of a machine agree by them, in one
container or in several that share the folder.
"""

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """A lock on a file, which is created if it is missing."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def acquire(cls, path: Path, *, exclusive: bool, wait: bool = False) -> "Self | None":
        """Lock the file; None if another holds a lock that excludes this one, unless it is to `wait`."""
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            lock = cls(path, descriptor)
            try:
                fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.release()
                return None
            if lock._is_current():
                return lock
            lock.release()  # the file was removed meanwhile: what is locked now is not what others lock

    def share(self) -> bool:
        """Turn an exclusive lock into a shared one; False if another process took it meanwhile."""
        assert self._descriptor is not None, "released"
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return self._is_current()

    def write(self, number: int) -> None:
        """Keep a number in the file."""
        assert self._descriptor is not None, "released"
        os.truncate(self._descriptor, 0)
        os.pwrite(self._descriptor, str(number).encode(), 0)

    def mark_used(self) -> None:
        """Set the file's time to now."""
        os.utime(self.path)

    def remove(self) -> None:
        """Remove the file, and release the lock, which must be exclusive."""
        self.path.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Release the lock, also in processes that were forked from this one. Can be repeated."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_current(self) -> bool:
        assert self._descriptor is not None, "released"
        try:
            return os.fstat(self._descriptor).st_ino == self.path.stat().st_ino
        except FileNotFoundError:
            return False


def number_in(path: Path) -> int:
    """The number that a lock's file keeps; 0 without one."""
    try:
        return int(path.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return 0
