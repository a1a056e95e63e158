"""Settings of the store's URL, and of the storage of policies and checkpoints."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from store.settings.base import Settings


class StoreSettings(Settings):
    """Where the store is.

    `url`: sqlite:///path or postgresql://user@host/database, whose password each machine has in ~/.pgpass or in
    PGPASSWORD. None: a SQLite file in the run's folder.
    """

    url: str | None = None


class StorageSettings(Settings):
    """Where policies and the checkpoints of trainings are kept: in the run's folder, or under a URL.

    Options and secrets of a storage come from the environment or from fsspec's configuration files of each machine.
    """

    url: str | None = Field(
        default=None,
        description="s3://bucket/prefix, gs://bucket/prefix or another URL that fsspec knows; each run has a folder"
        " there. Unset: the run's own folder, which all nodes of a cluster must see",
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="the run's folder under the URL; decided when the run is created, as the name of its own folder",
    )
    cache: Path | None = Field(
        default=None,
        description="folder for local copies on each machine; unset: /var/tmp/automathes-UID. It must be on a disk of"
        " that machine, and is shared by all runs there",
    )
    cache_gib: float = Field(
        default=200.0, gt=0, description="limit of the copies in GiB; the least recently used are removed for new ones"
    )
    silence_s: float = Field(
        default=120.0,
        gt=0,
        description="an upload or a download of which no byte comes for this long, whatever is tried again, has failed",
    )

    @model_validator(mode="after")
    def _check_places(self) -> "StorageSettings":
        """The message never has the URL, which may hold a secret."""
        if self.cache is not None and not self.cache.is_absolute():
            raise ValueError("cache must be an absolute path: processes start in different folders")
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/]*/?.*", self.url) or not (parts.netloc or parts.path.strip("/")):
            raise ValueError("url must be like s3://bucket/prefix, gs://bucket/prefix or file:///folder")
        if parts.password is not None or (parts.username is not None and parts.scheme in ("s3", "s3a", "gs", "gcs")):
            raise ValueError(
                "url must not hold a key or a password: it would be seen in the configuration, logs and the status. "
                "Set them in the environment of every node (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "GOOGLE_APPLICATION_CREDENTIALS) or in fsspec's configuration files"
            )
        if parts.query or parts.fragment or "::" in self.url:
            raise ValueError(
                "url must be a plain URL, without options: set those in the environment of every node (AWS_REGION, "
                "AWS_ENDPOINT_URL, FSSPEC_*) or in fsspec's configuration files"
            )
        return self
