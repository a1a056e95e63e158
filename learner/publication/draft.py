"""Drafts: what is written to a folder of this machine until it is published at a location, whole or not at all."""

import errno
import os
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from learner.publication.files import hash_file
from store.artifacts.cache import Cache
from store.artifacts.folder import TEMPORARY
from store.artifacts.location import Location, is_url
from store.artifacts.manifest import MANIFEST, FileEntry, OnBytes, to_json
from store.artifacts.remote import RemoteFiles
from store.artifacts.transfer import Piece, insist, transfer
from store.settings import StorageSettings

_UPLOADS = 4  # files at a time; fsspec uploads the parts of a large one in parallel itself


class PublicationError(OSError):
    """A folder could not be published; nothing of it is left behind."""


class Draft(Protocol):
    """What will be published at a location. Several ranks may each have a draft of the same location."""

    @property
    def folder(self) -> Path:
        """The folder to write to, which may have to be created."""
        ...

    def upload(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        """Bring the files that were written so far to the location, if it is not on a disk that all ranks share."""
        ...

    def seal(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        """Complete the location with a manifest. `entries` are those of the files that were hashed, of all ranks.

        Raises `PublicationError`: a file is missing, or is not as its entry says.
        """
        ...

    def discard(self) -> None:
        """Remove the folder. Can be repeated."""
        ...


def open_draft(location: Location, attempt: str, storage: StorageSettings) -> Draft:
    """A draft for a location. `attempt` is unique to those who write it together."""
    if is_url(location):
        return _RemoteDraft(str(location), storage)
    return _LocalDraft(Path(location), attempt)


class _LocalDraft:
    """Beside the location, so that one rename publishes it. All ranks share the folder."""

    def __init__(self, path: Path, attempt: str) -> None:
        self._path = path
        self.folder = path.parent / f"{TEMPORARY}{path.name}-{attempt}"

    def upload(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        """Nothing to do."""

    def seal(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        (self.folder / MANIFEST).write_text(to_json(_own_entries(self.folder, entries, on_bytes)))
        _flush(self.folder / MANIFEST)
        for subfolder in (path for path in self.folder.rglob("*") if path.is_dir()):
            _flush(subfolder)
        _flush(self.folder)
        if self._path.exists():  # a leftover without a manifest: nothing can depend on it
            shutil.rmtree(self._path)
        self.folder.rename(self._path)
        _flush(self._path.parent)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


class _RemoteDraft:
    """In a scratch folder of this rank, from which the files are uploaded; the manifest is uploaded last."""

    def __init__(self, url: str, storage: StorageSettings) -> None:
        self._remote, self._silence_s = RemoteFiles(url), storage.silence_s
        self._what = f"the upload to {url}"
        self._cache = Cache(storage)
        self.folder, self._lock = self._cache.room.new_scratch()
        self._uploaded: set[str] = set()

    def upload(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        """A piece that fails is tried again, until no byte was uploaded for `storage.silence_s`."""
        names = [name for name in entries if name not in self._uploaded]
        pieces: list[Piece] = [partial(self._remote.upload, self.folder / name, name) for name in names]
        transfer(self._what, pieces, on_bytes, self._silence_s, _UPLOADS)
        self._uploaded.update(names)

    def seal(self, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> None:
        own = _own_entries(self.folder, entries, on_bytes)
        self.upload(own, on_bytes)
        published = {**entries, **own}
        sizes = insist(self._what, self._remote.sizes, on_bytes, self._silence_s)
        for name, entry in published.items():
            if sizes.get(name) != entry.size_bytes:
                raise PublicationError(
                    errno.EIO,
                    f"{self._remote.url}/{name} has {sizes.get(name, 0)} of the {entry.size_bytes} bytes written",
                )
        stale = [name for name in sizes if name not in published]  # of an attempt that was interrupted
        insist(self._what, partial(self._remote.remove_files, stale), on_bytes, self._silence_s)
        manifest = to_json(published).encode()
        insist(self._what, partial(self._remote.write, MANIFEST, manifest), on_bytes, self._silence_s)
        if own.keys() == published.keys():
            self._cache.adopt(self.folder, published)

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.remove()


def _own_entries(folder: Path, entries: Mapping[str, FileEntry], on_bytes: OnBytes) -> dict[str, FileEntry]:
    """The entries of all files in a folder; those that were not hashed while they were written are read."""
    own: dict[str, FileEntry] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        own[name] = entries[name] if name in entries else hash_file(path, on_bytes)
        if path.stat().st_size != own[name].size_bytes:
            raise PublicationError(errno.EIO, f"{path} has not the {own[name].size_bytes} bytes that were written")
    return own


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
