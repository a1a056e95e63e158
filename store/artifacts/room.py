"""The folder on a machine that holds copies of artefacts, within a limit; and the folders in which they are made.

Each has a lock file beside it, which keeps its full size from the moment that it is begun, and whose time says when it
was used last.
"""

import errno
import os
import shutil
import uuid
from pathlib import Path

from store.artifacts.errors import StorageError
from store.artifacts.locks import FileLock, number_in

GIB = 1 << 30
_LOCK = ".lock"
_SCRATCH = "scratch-"
_PARENT = Path("/var/tmp")  # noqa: S108 - who owns the folder in it is checked


class Room:
    """The entries of a folder on this machine, all processes together."""

    def __init__(self, folder: Path | None, limit_bytes: int) -> None:
        """`folder` defaults to one of this user in /var/tmp, which is on a disk and the same for all processes."""
        self.folder = folder or _PARENT / f"automathes-{os.getuid()}"
        self._is_chosen = folder is not None
        self._limit_bytes = limit_bytes

    def path(self, name: str) -> Path:
        """The folder of an entry."""
        return self.folder / name

    def lock(self, name: str, *, exclusive: bool) -> FileLock | None:
        """Lock an entry, whether it exists or not; None if another process holds a lock that excludes this one.

        Raises `StorageError` if the default folder belongs to another user, and other `OSError`s if it cannot be made.
        """
        self._make()
        return FileLock.acquire(self.folder / f"{name}{_LOCK}", exclusive=exclusive)

    def reserve(self, lock: FileLock, number: int, what: str, *, present_bytes: int) -> None:
        """Make room for the entry of an exclusive lock, `number` bytes of which some are present on the disk.

        Entries that no process holds are removed for it, beginning with the one that was used the longest ago.

        Raises:
            StorageError: what is in use leaves no room for it.
        """
        guard = FileLock.acquire(self.folder / ".room", exclusive=True, wait=True)
        assert guard is not None, "it waits"
        try:
            lock.write(0)
            while (shortage := self._shortage(number, number - present_bytes)) is not None:
                if not self._remove_oldest(lock.path):
                    raise StorageError(
                        f"{self.folder} (storage.cache) has no room for the {_gib(number)} of {what}: {shortage}, and "
                        "running processes use all that is there",
                        may_pass=False,
                        code=errno.ENOSPC,
                    )
            lock.write(number)
        finally:
            guard.release()

    def new_scratch(self) -> tuple[Path, FileLock]:
        """A new empty folder that belongs to this process, and its lock; what killed processes left is removed."""
        self._make()
        for path in self.folder.glob(f"{_SCRATCH}*{_LOCK}"):
            self._remove(path)
        name = f"{_SCRATCH}{uuid.uuid4().hex}"
        lock = self.lock(name, exclusive=True)
        assert lock is not None, "the name is new"
        self.path(name).mkdir()
        return self.path(name), lock

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self._is_chosen and self.folder.stat().st_uid != os.getuid():  # anybody can make one there
            raise StorageError(
                f"{self.folder} belongs to another user: set storage.cache to a folder of your own", may_pass=False
            )

    def _shortage(self, number: int, more: int) -> str | None:
        """What is missing for an entry of `number` bytes, of which `more` are not on the disk yet."""
        reserved = sum(number_in(path) for path in self.folder.glob(f"*{_LOCK}"))
        if reserved + number > self._limit_bytes:
            return f"{_gib(reserved)} of {_gib(self._limit_bytes)} (storage.cache_gib) are taken"
        if (free := shutil.disk_usage(self.folder).free) < more:
            return f"the disk has {_gib(free)} free"
        return None

    def _remove_oldest(self, but: Path) -> bool:
        """Remove the entry that was used last the longest ago and that no process holds; whether there was one."""
        found = [path for path in self.folder.glob(f"*{_LOCK}") if path != but]
        return any(self._remove(path) for path in sorted(found, key=_used_at))

    def _remove(self, path: Path) -> bool:
        """Remove the entry of a lock's file, unless a process holds it."""
        lock = FileLock.acquire(path, exclusive=True)
        if lock is None:
            return False
        shutil.rmtree(_entry(path), ignore_errors=True)
        lock.remove()
        return True


def _entry(lock: Path) -> Path:
    return lock.with_name(lock.name.removesuffix(_LOCK))


def _used_at(lock: Path) -> float:
    try:
        return lock.stat().st_mtime
    except FileNotFoundError:  # removed meanwhile
        return 0.0


def bytes_in(folder: Path) -> int:
    """What the files in a folder occupy on the disk, which another process may be filling."""
    try:
        return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
    except FileNotFoundError:
        return 0


def _gib(number: int) -> str:
    return f"{number / GIB:.3g} GiB"
