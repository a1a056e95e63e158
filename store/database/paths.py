"""Paths beside a SQLite store are stored relative to it, so that the folder of a run can be moved or copied."""

from pathlib import Path

from sqlalchemy import URL

from store.artifacts.location import is_url

_PREFIX = "{store}/"  # of stored paths that are relative to the store's folder


class StoredPaths:
    """Converts paths to their stored form and back.

    Paths elsewhere, URLs of other storages, and all paths of a store on a server stay unchanged.
    """

    def __init__(self, url: URL) -> None:
        is_file = url.get_backend_name() == "sqlite" and url.database is not None
        self._folder = Path(str(url.database)).resolve().parent if is_file else None

    def to_stored(self, path: str) -> str:
        """The stored form of a path."""
        if self._folder is None or is_url(path) or not Path(path).is_absolute():
            return path
        resolved = Path(path).resolve()
        if not resolved.is_relative_to(self._folder):
            return path
        return _PREFIX + resolved.relative_to(self._folder).as_posix()

    def from_stored(self, stored: str) -> str:
        """The path of a stored form, resolved against the store's present folder."""
        if self._folder is None or not stored.startswith(_PREFIX):
            return stored
        return str(self._folder / stored.removeprefix(_PREFIX))
