"""Publishing a folder whole or not at all.

Files are written into a sibling `.tmp-…`, flushed to disk, listed with their sha256 in a manifest that is written
last, and appear under their final name by one rename. Whatever is killed when, a folder with a manifest is whole.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MANIFEST = "manifest.json"
_TEMPORARY = ".tmp-"
_NOTHING_LEFT_BYTES = 1 << 20
_VERSION_FOLDER = re.compile(r"v(\d{6,})")


class PublicationError(OSError):
    """A folder could not be published; nothing of it is left behind."""


class DiskFullError(PublicationError):
    """There was no space left to publish a folder; nothing of it is left behind."""


class AlreadyPublishedError(ValueError):
    """A folder of that name is published already, and published folders never change."""


@contextmanager
def publication(folder: Path) -> Iterator[Path]:
    """Publish `folder`: yields an empty folder to write into, which becomes `folder` when the block ends well.

    Raises `AlreadyPublishedError`, and `DiskFullError` when the disk is full; on any failure nothing is left behind.
    """
    if is_complete(folder):
        raise AlreadyPublishedError(f"{folder} is published already; a version is never used twice")
    temporary = folder.parent / f"{_TEMPORARY}{folder.name}-{os.getpid()}"
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        _seal(temporary)
        if folder.exists():  # a leftover without a manifest: nobody may have relied on it
            shutil.rmtree(folder)
        temporary.rename(folder)
        _flush(folder.parent)
    except Exception as error:
        if is_disk_full(error):
            raise DiskFullError(
                errno.ENOSPC, f"the disk is full: {folder} was not published. Free some space, then go on"
            ) from error
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def is_disk_full(error: BaseException) -> bool:
    """Whether `error` says that no space is left. torch and safetensors say so in their text only."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "os error 28" in str(error)


@contextmanager
def clear_when_disk_is_full(folder: Path) -> Iterator[None]:
    """Remove `folder` if what writes into it fails, and raise `DiskFullError` if a full disk was why.

    torch.save does not say why it failed, so the disk itself is asked, before anything is removed.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        full = is_disk_full(error) or shutil.disk_usage(folder.parent).free < _NOTHING_LEFT_BYTES
        shutil.rmtree(folder, ignore_errors=True)
        if full:
            raise DiskFullError(errno.ENOSPC, f"the disk is full: {folder} was not written. Free some space") from error
        raise


def is_complete(folder: Path) -> bool:
    """Whether `folder` was published: its manifest is there and so is every file it lists, in its full size."""
    try:
        files = _read_manifest(folder)
        return all((folder / name).stat().st_size == entry["size_bytes"] for name, entry in files.items())
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return False


def checksum(folder: Path) -> str:
    """One sha256 (hex) over the names and contents of a published folder, taken from its manifest."""
    lines = [f"{name} {entry['sha256']}" for name, entry in sorted(_read_manifest(folder).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def damaged_files(folder: Path) -> list[str]:
    """The files of a published folder whose contents are no longer what was published. Reads them all."""
    files = _read_manifest(folder)
    return [
        name
        for name, entry in sorted(files.items())
        if not (folder / name).is_file() or _sha256(folder / name) != entry["sha256"]
    ]


def clean_leftovers(parent: Path) -> list[Path]:
    """Remove what a killed run left half written in `parent`; call it when no one else publishes there."""
    leftovers = sorted(parent.glob(f"{_TEMPORARY}*"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def version_folder(parent: Path, version: int) -> Path:
    """Where policy `version` is published under `parent`."""
    return parent / f"v{version:06d}"


def published_versions(parent: Path) -> list[int]:
    """The complete versions under `parent`, lowest first."""
    return sorted(version for version, folder in _version_folders(parent) if is_complete(folder))


def next_free(parent: Path) -> int:
    """A version that was never used under `parent`: the highest there, complete or not, plus one."""
    return max((version for version, _ in _version_folders(parent)), default=-1) + 1


def _version_folders(parent: Path) -> list[tuple[int, Path]]:
    if not parent.is_dir():
        return []
    found = ((_VERSION_FOLDER.fullmatch(folder.name), folder) for folder in parent.iterdir())
    return [(int(match[1]), folder) for match, folder in found if match]


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
