"""Text files: what they must be to be read, and the limit of a row."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from store.errors import ProblemSourceError

MAX_ROW_BYTES = 16 * 2**20
"""Limit of one row of a text file, so that a file without line breaks is not read into memory."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = {
    b"PAR1": "a Parquet file: name it .parquet",
    b"ARROW1": "an Arrow file: name it .arrow",
    b"\x1f\x8b": "compressed with gzip: decompress it first",
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it first",
}


@contextmanager
def open_text(path: Path) -> Iterator[BinaryIO]:
    """Open a file of UTF-8 text, in bytes, so that each row's encoding can be reported on its own.

    Raises:
        ProblemSourceError: it cannot be read, or is no UTF-8 text as its first bytes show.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
            if start.startswith(_UTF_16):
                raise ProblemSourceError(f"{path}: the file cannot be read: it is UTF-16 text: save it as UTF-8")
            for magic, text in _BINARY.items():
                if start.startswith(magic):
                    raise ProblemSourceError(f"{path}: the file cannot be read: it is {text}")
            yield file
    except OSError as error:
        raise ProblemSourceError(f"{path}: the file cannot be read: {error.strerror or error}") from error
