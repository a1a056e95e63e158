"""The manifest of a published folder: every file's hash and size. It is written last, so what has one is complete."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "manifest.json"

_CHUNK_BYTES = 16 << 20

type OnBytes = Callable[[int], None]
"""Called with the number of bytes that were written or read since the last call."""


def no_report(number: int) -> None:
    """An `OnBytes` that reports to nobody."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file's entry in a manifest."""

    sha256: str
    size_bytes: int


def to_json(entries: Mapping[str, FileEntry]) -> str:
    """The manifest's text."""
    return json.dumps({"files": {name: asdict(entry) for name, entry in entries.items()}}, indent=1)


def from_json(text: str | bytes) -> dict[str, FileEntry]:
    """The entries of a manifest's text. Raises `ValueError` if it is not a manifest."""
    try:
        files = json.loads(text)["files"]
        entries = {name: FileEntry(entry["sha256"], int(entry["size_bytes"])) for name, entry in files.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a manifest: {error!r}") from error
    for name in entries:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise ValueError(f"{name!r} is not the name of a file in the folder")
    return entries


def checksum_of(entries: Mapping[str, FileEntry]) -> str:
    """The sha256 (hex) over the names and hashes of all files."""
    lines = [f"{name} {entry.sha256}" for name, entry in sorted(entries.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def matches(path: Path, entry: FileEntry, on_bytes: OnBytes = no_report) -> bool:
    """Whether a file is there with the size and the hash of its entry; reads it if the size is right."""
    if not path.is_file() or path.stat().st_size != entry.size_bytes:
        return False
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest() == entry.sha256
