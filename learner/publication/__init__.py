"""Publication of folders: whole or absent, with the hash of every file, computed while it is written.

Begin with `folder`; `files` writes and reads the large files, `weights` those of a policy, `record` its description.
"""

from learner.publication.folder import (
    MANIFEST,
    AlreadyPublishedError,
    DiskFullError,
    PublicationError,
    checksum,
    clean_leftovers,
    is_complete,
    publication,
    seal,
    version_folder,
)

__all__ = [
    "MANIFEST",
    "AlreadyPublishedError",
    "DiskFullError",
    "PublicationError",
    "checksum",
    "clean_leftovers",
    "is_complete",
    "publication",
    "seal",
    "version_folder",
]
