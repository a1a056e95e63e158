"""Large files, written and read in sequence: hashed while they are written, with progress in bytes."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from store.artifacts.manifest import FileEntry, OnBytes, no_report

_CHUNK_BYTES = 16 << 20  # between two reports of progress
_FLUSH_BYTES = 256 << 20  # written between two flushes, so that the last one is short and progress is that of the disk


class HashingWriter:
    """A new binary file, hashed while it is written. The end of the context flushes it to disk.

    A failed write is raised at that end, and what follows it is discarded: serializers in C++ do not pass exceptions of
    the file on. `entry` is set then.
    """

    def __init__(self, path: Path, on_bytes: OnBytes = no_report) -> None:
        self._path = path
        self._on_bytes = on_bytes
        self._hash = hashlib.sha256()
        self._size = self._unflushed = 0
        self._error: OSError | None = None
        self.entry: FileEntry | None = None

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        return self

    def write(self, data: bytes | memoryview) -> int:
        """Write all of `data`; returns its size in bytes."""
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _CHUNK_BYTES):
            self._write_chunk(view[start : start + _CHUNK_BYTES])
        return len(view)

    def flush(self) -> None:
        """Do nothing: the file has no buffer, and its end flushes it to disk."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if self._error is not None:
                raise self._error
            if error is None:
                os.fsync(self._descriptor)
                self.entry = FileEntry(self._hash.hexdigest(), self._size)
        finally:
            os.close(self._descriptor)

    def _write_chunk(self, chunk: memoryview) -> None:
        if self._error is not None:
            return
        try:
            written = 0
            while written < len(chunk):
                written += os.write(self._descriptor, chunk[written:])
            self._unflushed += len(chunk)
            if self._unflushed >= _FLUSH_BYTES:
                os.fdatasync(self._descriptor)
                self._unflushed = 0
        except OSError as error:
            self._error = error
            return
        self._hash.update(chunk)
        self._size += len(chunk)
        self._on_bytes(len(chunk))


class ReportingReader:
    """A binary file that reports the bytes that are read from it."""

    def __init__(self, path: Path, on_bytes: OnBytes = no_report) -> None:
        self._path = path
        self._on_bytes = on_bytes

    def __enter__(self) -> Self:
        self._file = self._path.open("rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes; all if it is negative."""
        data = self._file.read(size)
        self._on_bytes(len(data))
        return data

    def readline(self) -> bytes:
        """Read up to the end of the line."""
        return self._file.readline()

    def readinto(self, buffer: memoryview) -> int:
        """Fill `buffer`; returns the number of bytes read."""
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view) and (read := self._file.readinto(view[done : done + _CHUNK_BYTES])):
            done += read
            self._on_bytes(read)
        return done

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The position."""
        return self._file.tell()


def hash_file(path: Path, on_bytes: OnBytes = no_report) -> FileEntry:
    """The entry of a file that was written by someone else: flush it to disk and read it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            on_bytes(len(chunk))
        return FileEntry(digest.hexdigest(), file.tell())
