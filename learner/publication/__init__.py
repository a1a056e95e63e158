"""Publication of folders: whole or absent, with the hash of every file, computed while it is written.

Begin with `folder`; `draft` brings what was written to its place, on a disk or under a URL. `files` writes and reads
the large files, `weights` those of a policy, `record` its description.
"""

from learner.publication.draft import PublicationError
from learner.publication.folder import (
    AlreadyPublishedError,
    DiskFullError,
    clean_leftovers,
    publication,
    version_folder,
)
from store.artifacts.folder import checksum, is_complete
from store.artifacts.manifest import MANIFEST

__all__ = [
    "MANIFEST",
    "AlreadyPublishedError",
    "DiskFullError",
    "PublicationError",
    "checksum",
    "clean_leftovers",
    "is_complete",
    "publication",
    "version_folder",
]
