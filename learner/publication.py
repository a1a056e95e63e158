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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_DISK_FULL_BELOW_BYTES = 1 << 20


class PublicationError(OSError):
    """A folder could not be published; nothing of it is left behind."""


class DiskFullError(PublicationError):
    """The disk was too full to publish a folder; nothing of it is left behind."""


class AlreadyPublishedError(ValueError):
    """The folder is published already, and published folders never change."""


@contextmanager
def publication(folder: Path) -> Iterator[Path]:
    """Publish `folder`: yields an empty folder to write to, which becomes `folder` when the block succeeds.

    After any failure nothing is left behind.

    Raises:
        AlreadyPublishedError: `folder` is published already.
        DiskFullError: the disk is full.
    """
    if is_complete(folder):
        raise AlreadyPublishedError(f"{folder} is published already; a version is never used twice")
    temporary = folder.parent / f"{_TEMPORARY}{folder.name}-{os.getpid()}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        _seal(temporary)
        if folder.exists():  # a leftover without a manifest: nothing can depend on it
            shutil.rmtree(folder)
        temporary.rename(folder)
        _flush(folder.parent)
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


@contextmanager
def clear_on_failure(folder: Path) -> Iterator[None]:
    """Remove `folder` if writing to it fails, and raise `DiskFullError` if the cause was a full disk.

    Errors of torch.save do not give a cause, so the free space is checked before anything is removed.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = _is_disk_full(error) or shutil.disk_usage(folder.parent).free < _DISK_FULL_BELOW_BYTES
        shutil.rmtree(folder, ignore_errors=True)
        if full:
            raise DiskFullError(errno.ENOSPC, f"the disk is full: {folder} was not written. Free some space") from error
        raise


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
    leftovers = sorted(parent.glob(f"{_TEMPORARY}*"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def version_folder(parent: Path, version: int) -> Path:
    """The folder under `parent` where policy `version` is published."""
    return parent / f"v{version:06d}"


def _seal(folder: Path) -> None:
    """Flush every file and write the manifest last."""
    files = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        _flush(path)
        name = path.relative_to(folder).as_posix()
        files[name] = {"sha256": _sha256(path), "size_bytes": path.stat().st_size}
    (folder / MANIFEST).write_text(json.dumps({"files": files}, indent=1))
    _flush(folder / MANIFEST)
    _flush(folder)


def _read_manifest(folder: Path) -> dict[str, dict]:
    return json.loads((folder / MANIFEST).read_text())["files"]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
