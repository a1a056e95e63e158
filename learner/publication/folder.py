"""Atomic publication of a folder, on a disk or under a URL.

On a disk, files are written to a sibling `.tmp-…`, flushed and listed with their sha256 in a manifest that is written
last; one rename then moves them to their final name. Under a URL, they are uploaded, and the manifest last. So a folder
with a manifest is complete, whenever a process was killed.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from learner.publication.draft import PublicationError, open_draft
from store.artifacts.folder import TEMPORARY, is_complete
from store.artifacts.location import Location, is_url, join
from store.artifacts.manifest import FileEntry, OnBytes, no_report
from store.settings import StorageSettings


class DiskFullError(PublicationError):
    """The disk was too full to publish a folder; nothing of it is left behind."""


class AlreadyPublishedError(ValueError):
    """The folder is published already, and published folders never change."""


@contextmanager
def publication(
    location: Location,
    entries: Mapping[str, FileEntry] | None = None,
    on_bytes: OnBytes = no_report,
    storage: StorageSettings | None = None,
) -> Iterator[Path]:
    """Publish at `location`: yields an empty folder to write to, whose files are there when the block succeeds.

    `entries` has the files, by name, that the block hashed while it wrote them; the others are read once more. After
    any failure no folder is left behind, and what was uploaded is not complete. `storage` says where the copies of this
    machine are, for a URL.

    Raises:
        AlreadyPublishedError: it is published already.
        DiskFullError: the disk is full.
        StorageError: the storage could not be reached.
    """
    if is_complete(location):
        raise AlreadyPublishedError(f"{location} is published already; a version is never used twice")
    draft = open_draft(location, str(os.getpid()), storage or StorageSettings())
    try:
        shutil.rmtree(draft.folder, ignore_errors=True)
        draft.folder.mkdir(parents=True)
        yield draft.folder
        draft.seal(entries or {}, on_bytes)
    except Exception as error:
        if _is_disk_full(error):
            raise DiskFullError(
                errno.ENOSPC, f"the disk is full: {location} was not published. Free some space, then continue"
            ) from error
        raise
    finally:
        draft.discard()


def _is_disk_full(error: BaseException) -> bool:
    """Whether `error` means that no space is left. Errors of torch and safetensors mention it only in their text."""
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "os error 28" in str(error)


def clean_leftovers(parent: Location) -> list[Path]:
    """Remove what a killed process left incomplete in `parent`; no other process may be publishing there.

    Under a URL there is nothing of this kind: what is incomplete there has its final name and no manifest.
    """
    if is_url(parent):
        return []
    leftovers = sorted(Path(parent).glob(f"{TEMPORARY}*"))
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()
    return leftovers


def version_folder(parent: Location, version: int) -> Location:
    """Where policy `version` is published under `parent`."""
    return join(parent, f"v{version:06d}")
