"""Paths beside a store in a file are kept relative to it, so that the folder of a run can be moved or copied."""

from pathlib import Path

from sqlalchemy import URL

_PREFIX = "{store}/"  # of stored paths that are relative to the store's folder


class StoredPaths:
    """Converts paths for storage and back. Paths of other folders, and all those of a server, are kept unchanged."""

    def __init__(self, url: URL) -> None:
        is_file = url.get_backend_name() == "sqlite" and url.database is not None
        self._folder = Path(str(url.database)).resolve().parent if is_file else None

    def to_stored(self, path: str) -> str:
        """The form of a path that is stored."""
        if self._folder is None or not Path(path).is_absolute():
            return path
        resolved = Path(path).resolve()
        if not resolved.is_relative_to(self._folder):
            return path
        return _PREFIX + resolved.relative_to(self._folder).as_posix()

    def from_stored(self, stored: str) -> str:
        """The path itself, at its present place if the store was moved together with it."""
        if self._folder is None or not stored.startswith(_PREFIX):
            return stored
        return str(self._folder / stored.removeprefix(_PREFIX))
