"""Local copies of what is published under URLs: fetched once per machine, checked by hash, removed when unused.

A copy is named by the checksum of its contents, so that one of another run, or of a bucket that was emptied and filled
again, is never taken for it. Its manifest is written last: a copy that an interrupted process left is completed.
"""

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from store.artifacts.errors import DamagedArtifactError, StorageError
from store.artifacts.folder import read_manifest
from store.artifacts.location import Location, is_url
from store.artifacts.locks import FileLock
from store.artifacts.manifest import (
    MANIFEST,
    FileEntry,
    OnBytes,
    checksum_of,
    matches,
    no_report,
    to_json,
)
from store.artifacts.remote import RemoteFiles
from store.artifacts.room import GIB, Room, bytes_in
from store.artifacts.transfer import Piece, insist, transfer
from store.settings import StorageSettings

log = logging.getLogger(__name__)

_PART_BYTES = 16 << 20
_THREADS = 8
_POLL_S = 0.2


class Held:
    """A local folder with what is at a location, which stays until it is released or the process ends."""

    def __init__(self, folder: Path, lock: FileLock | None = None) -> None:
        self.folder = folder
        self._lock = lock

    def discard(self) -> None:
        """Release the copy, and have it checked, and fetched again where it is damaged, when it is asked for again.

        One that other processes use stays as it is.
        """
        if self._lock is None:
            return
        self.release()
        if (lock := FileLock.acquire(self._lock.path, exclusive=True)) is not None:
            (self.folder / MANIFEST).unlink(missing_ok=True)
            lock.release()

    def release(self) -> None:
        """Let the copy be removed when its room is needed. Can be repeated."""
        if self._lock is not None:
            self._lock.release()


class Cache:
    """The copies on this machine."""

    def __init__(self, settings: StorageSettings) -> None:
        self.room = Room(settings.cache, int(settings.cache_gib * GIB))
        self._silence_s = settings.silence_s

    @contextmanager
    def held(self, location: Location, checksum: str | None = None, on_bytes: OnBytes = no_report) -> Iterator[Path]:
        """The local folder for the time of the context; see `hold`."""
        held = self.hold(location, checksum, on_bytes)
        try:
            yield held.folder
        finally:
            held.release()

    def hold(self, location: Location, checksum: str | None = None, on_bytes: OnBytes = no_report) -> Held:
        """A local folder with what is at a location: the folder itself, or the copy of what is at a URL.

        Of several processes that ask at once one fetches, and the others wait for it. A copy that is there needs no
        connection if the checksum is known.

        Args:
            location: A path, or the URL of something published.
            checksum: That of its files, if it is known.
            on_bytes: Called with the bytes that were read since the last call, also those that another process
                fetches, and with 0 now and then. An exception that it raises ends the wait.

        Raises:
            FileNotFoundError: nothing is published at the URL.
            DamagedArtifactError: it is not what was published there.
            StorageError: the storage cannot be reached, or there is no room for the copy.
        """
        if not is_url(location):
            return Held(Path(location))
        key = checksum or checksum_of(self._manifest(str(location), None, on_bytes))
        folder, known_bytes, heard_at = self.room.path(key), 0, time.monotonic()
        while True:
            if (lock := self.room.lock(key, exclusive=False)) is not None:
                if (folder / MANIFEST).is_file():
                    lock.mark_used()
                    return Held(folder, lock)
                lock.release()
            if (lock := self.room.lock(key, exclusive=True)) is not None:
                if (held := self._fetch(str(location), key, lock, on_bytes)) is not None:
                    return held
                continue
            time.sleep(_POLL_S)
            present = bytes_in(folder)
            on_bytes(max(0, present - known_bytes))
            if present != known_bytes:
                known_bytes, heard_at = present, time.monotonic()
            elif time.monotonic() - heard_at >= self._silence_s:
                raise StorageError(
                    f"another process of this machine fetches {location} to {folder}, and no byte came for "
                    f"{self._silence_s:g} s (storage.silence_s)"
                )

    def adopt(self, scratch: Path, entries: dict[str, FileEntry]) -> None:
        """Make the copy of a scratch folder, whose files were published, if there is room for it."""
        key = checksum_of(entries)
        folder, lock = self.room.path(key), self.room.lock(key, exclusive=True)
        if lock is None:  # somebody has it already
            return
        try:
            if not (folder / MANIFEST).is_file():
                size_bytes = _total(entries)
                self.room.reserve(lock, size_bytes, str(scratch), present_bytes=size_bytes)
                shutil.rmtree(folder, ignore_errors=True)
                scratch.rename(folder)
                _complete(folder, entries)
        except StorageError as error:
            log.info("no copy of %s is kept: %s", scratch, error)
        finally:
            lock.release()

    def _fetch(self, url: str, key: str, lock: FileLock, on_bytes: OnBytes) -> Held | None:
        """Fetch what is missing of a copy, under its exclusive lock; None if another process was faster."""
        folder = self.room.path(key)
        try:
            if not (folder / MANIFEST).is_file():
                entries = self._manifest(url, key, on_bytes)
                self.room.reserve(lock, _total(entries), url, present_bytes=bytes_in(folder))
                self._download(RemoteFiles(url), folder, entries, on_bytes)
                _complete(folder, entries)
            lock.mark_used()
            if lock.share():
                return Held(folder, lock)
        except BaseException:
            lock.release()
            raise
        lock.release()
        return None

    def _manifest(self, url: str, checksum: str | None, on_bytes: OnBytes) -> dict[str, FileEntry]:
        """The manifest at a URL, which must have the checksum if one is given."""
        try:
            entries = insist(f"the download from {url}", lambda: read_manifest(url), on_bytes, self._silence_s)
        except ValueError as error:
            raise DamagedArtifactError(f"{url}/{MANIFEST} is damaged: {error}", may_pass=False) from error
        except FileNotFoundError:
            raise FileNotFoundError(f"nothing is published at {url}: it has no {MANIFEST}") from None
        if checksum is not None and checksum_of(entries) != checksum:
            raise DamagedArtifactError(
                f"{url} is not what was published there: its checksum is {checksum_of(entries)}, not {checksum}",
                may_pass=False,
            )
        return entries

    def _download(self, remote: RemoteFiles, folder: Path, entries: dict[str, FileEntry], on_bytes: OnBytes) -> None:
        """Download the files that are not there as the manifest says; each is checked, whoever wrote it."""
        missing = {name: one for name, one in entries.items() if not matches(folder / name, one, on_bytes)}
        parts: list[Piece] = []
        for name, entry in missing.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as file:
                file.truncate(entry.size_bytes)
            starts = range(0, entry.size_bytes, _PART_BYTES)
            parts += [partial(_download_part, remote, folder, name, start, entry.size_bytes) for start in starts]
        transfer(f"the download from {remote.url}", parts, on_bytes, self._silence_s, _THREADS)
        for name, entry in missing.items():
            if not matches(folder / name, entry, on_bytes):
                (folder / name).unlink(missing_ok=True)
                raise DamagedArtifactError(
                    f"{remote.url}/{name} is damaged: its sha256 is not the one in the manifest", may_pass=False
                )


def _download_part(
    remote: RemoteFiles, folder: Path, name: str, start: int, size_bytes: int, on_bytes: OnBytes
) -> None:
    end = min(start + _PART_BYTES, size_bytes)
    try:
        data = remote.read(name, start, end)
    except FileNotFoundError:
        raise DamagedArtifactError(
            f"{remote.url}/{name} is missing, and the manifest lists it", may_pass=False
        ) from None
    if len(data) != end - start:
        raise StorageError(f"{remote.url}/{name} was cut short: {len(data)} of {end - start} bytes came")
    with (folder / name).open("r+b") as file:
        os.pwrite(file.fileno(), data, start)
    on_bytes(len(data))


def _complete(folder: Path, entries: dict[str, FileEntry]) -> None:
    """Write the manifest of a copy whose files are there."""
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{MANIFEST}"
    aside.write_text(to_json(entries))
    aside.replace(folder / MANIFEST)


def _total(entries: Mapping[str, FileEntry]) -> int:
    return sum(entry.size_bytes for entry in entries.values())
