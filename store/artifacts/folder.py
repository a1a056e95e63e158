"""A published folder at a location: what it holds, and whether it is complete. Paths and URLs are used alike."""

import os
import shutil
from pathlib import Path
from typing import Protocol

from store.artifacts.location import Location, is_url
from store.artifacts.manifest import MANIFEST, FileEntry, checksum_of, from_json
from store.artifacts.remote import RemoteFiles

TEMPORARY = ".tmp-"
"""What the name of a folder or file on a disk begins with that is not complete."""
_REMOVED = ".pruned"  # what the name of a folder ends with whose removal was begun; it is listed until it is gone


class Folder(Protocol):
    """A folder with files at any depth. Names are relative, with `/` between their parts.

    Every method may raise `OSError`, which is a `StorageError` for a URL.
    """

    def sizes(self) -> dict[str, int]:
        """The size of every file, by name; empty if there is nothing."""
        ...

    def folders(self) -> list[str]:
        """The names of the folders in this one, in order, without those that are being written."""
        ...

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """The bytes of a file from `start` to before `end`, all by default. Raises `FileNotFoundError`."""
        ...

    def written_at(self, name: str) -> float:
        """When a file was written [Unix seconds]. Raises `FileNotFoundError`."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a small file. The folder is created if it is missing."""
        ...

    def remove(self) -> None:
        """Remove the folder, so that it is complete until it is not complete any more. Can be repeated."""
        ...


def folder_at(location: Location) -> Folder:
    """The folder at a location, whether it exists or not. Raises `StorageMissingError`."""
    return _RemoteFolder(str(location)) if is_url(location) else _LocalFolder(Path(location))


class _LocalFolder:
    def __init__(self, path: Path) -> None:
        self._path = path

    def sizes(self) -> dict[str, int]:
        files = (path for path in self._path.rglob("*") if path.is_file())
        return {path.relative_to(self._path).as_posix(): path.stat().st_size for path in files}

    def folders(self) -> list[str]:
        try:
            with os.scandir(self._path) as found:
                names = {entry.name for entry in found if entry.is_dir()}
        except (FileNotFoundError, NotADirectoryError):
            return []
        removed = {name[1:].removesuffix(_REMOVED) for name in names if name.endswith(_REMOVED)}
        return sorted({name for name in names if not name.startswith(".")} | removed)

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        with (self._path / name).open("rb") as file:
            file.seek(start or 0)
            return file.read(-1 if end is None else end - (start or 0))

    def written_at(self, name: str) -> float:
        return (self._path / name).stat().st_mtime

    def write(self, name: str, data: bytes) -> None:
        self._path.mkdir(parents=True, exist_ok=True)
        (self._path / name).write_bytes(data)

    def remove(self) -> None:
        aside = self._path.with_name(f".{self._path.name}{_REMOVED}")
        if aside.is_dir():  # what an interrupted call left
            shutil.rmtree(aside)
        if self._path.is_dir():
            self._path.replace(aside)
            shutil.rmtree(aside)


class _RemoteFolder(RemoteFiles):
    def remove(self, first: str | None = MANIFEST) -> None:
        super().remove(first)


def read_manifest(location: Location) -> dict[str, FileEntry]:
    """The manifest of a published folder.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged.
    """
    return from_json(folder_at(location).read(MANIFEST))


def is_complete(location: Location) -> bool:
    """Whether the folder was published: it has a manifest, and every file listed there has its full size.

    Raises:
        StorageError: the storage cannot be reached, so that nothing can be said.
    """
    try:
        entries = read_manifest(location)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    sizes = folder_at(location).sizes()
    return all(sizes.get(name) == entry.size_bytes for name, entry in entries.items())


def checksum(location: Location) -> str:
    """The sha256 (hex) over the file names and contents of a published folder, computed from its manifest."""
    return checksum_of(read_manifest(location))
