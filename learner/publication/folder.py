"""Atomic publication of a folder.

Files are written to a sibling `.tmp-…`, flushed to disk and listed with their sha256 in a manifest that is written
last; one rename then moves them to their final name. So a folder with a manifest is complete, whenever a process was
killed.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from learner.publication.files import FileEntry, OnBytes, hash_file, no_report

MANIFEST = "manifest.json"
TEMPORARY = ".tmp-"
"""What the name of a folder or file begins with that is not complete."""


class PublicationError(OSError):
    """A folder could not be published; nothing of it is left behind."""


class DiskFullError(PublicationError):
    """The disk was too full to publish a folder; nothing of it is left behind."""


class AlreadyPublishedError(ValueError):
    """The folder is published already, and published folders never change."""


@contextmanager
def publication(
    folder: Path, entries: Mapping[str, FileEntry] | None = None, on_bytes: OnBytes = no_report
) -> Iterator[Path]:
    """Publish `folder`: yields an empty folder to write to, which becomes `folder` when the block succeeds.

    `entries` has the files, by name, that the block hashed while it wrote them; the others are read once more. After
    any failure nothing is left behind.

    Raises:
        AlreadyPublishedError: `folder` is published already.
        DiskFullError: the disk is full.
    """
    if is_complete(folder):
        raise AlreadyPublishedError(f"{folder} is published already; a version is never used twice")
    temporary = folder.parent / f"{TEMPORARY}{folder.name}-{os.getpid()}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        seal(temporary, folder, entries or {}, on_bytes)
    except Exception as error:
        if _is_disk_full(error):
            raise DiskFullError(
                errno.ENOSPC, f"the disk is full: {folder} was not published. Free some space, then continue"
            ) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _is_disk_full(error: BaseException) -> bool:
    """Whether `error` means that no space is left. Errors of torch and safetensors mention it only in their text."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "os error 28" in str(error)


def is_complete(folder: Path) -> bool:
    """Whether `folder` was published: it has a manifest, and every file listed there has its full size."""
    try:
        files = _read_manifest(folder)
        return all((folder / name).stat().st_size == entry["size_bytes"] for name, entry in files.items())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False


def checksum(folder: Path) -> str:
    """The sha256 (hex) over the file names and contents of a published folder, computed from its manifest."""
    lines = [f"{name} {entry['sha256']}" for name, entry in sorted(_read_manifest(folder).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def clean_leftovers(parent: Path) -> list[Path]:
    """Remove what a killed process left incomplete in `parent`; no other process may be publishing there."""
    leftovers = sorted(parent.glob(f"{TEMPORARY}*"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def version_folder(parent: Path, version: int) -> Path:
    """The folder under `parent` where policy `version` is published."""
    return parent / f"v{version:06d}"


def seal(temporary: Path, folder: Path, entries: Mapping[str, FileEntry], on_bytes: OnBytes = no_report) -> None:
    """Write the manifest of `temporary`, whose files are all written, and rename it to `folder`.

    Raises:
        PublicationError: a file is not as `entries` describes it.
    """
    files: dict[str, FileEntry] = {}
    for path in sorted(path for path in temporary.rglob("*") if path.is_file()):
        name = path.relative_to(temporary).as_posix()
        files[name] = entries[name] if name in entries else hash_file(path, on_bytes)
        if path.stat().st_size != files[name].size_bytes:
            raise PublicationError(errno.EIO, f"{path} has not the {files[name].size_bytes} bytes that were written")
    manifest = {"files": {name: asdict(entry) for name, entry in files.items()}}
    (temporary / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _flush(temporary / MANIFEST)
    for subfolder in (path for path in temporary.rglob("*") if path.is_dir()):
        _flush(subfolder)
    _flush(temporary)
    if folder.exists():  # a leftover without a manifest: nothing can depend on it
        shutil.rmtree(folder)
    temporary.rename(folder)
    _flush(folder.parent)


def _read_manifest(folder: Path) -> dict[str, dict]:
    return json.loads((folder / MANIFEST).read_text())["files"]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
