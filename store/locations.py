"""Paths of what lies beside a store in a file are kept in relation to it: a run's folder can be moved or copied."""

from pathlib import Path

from sqlalchemy import URL

_BESIDE = "{store}/"  # what a kept path begins with that is relative to the store's folder


class Locations:
    """Turns paths into what is kept, and back. Paths of other folders, and all those of a server, stay as they are."""

    def __init__(self, url: URL) -> None:
        is_file = url.get_backend_name() == "sqlite" and url.database is not None
        self._folder = Path(str(url.database)).resolve().parent if is_file else None

    def keep(self, path: str) -> str:
        """What is kept of a path."""
        if self._folder is None or not Path(path).is_absolute():
            return path
        resolved = Path(path).resolve()
        if not resolved.is_relative_to(self._folder):
            return path
        return _BESIDE + resolved.relative_to(self._folder).as_posix()

    def find(self, kept: str) -> str:
        """The path that was kept, or what it is now, where the store was moved with it."""
        if self._folder is None or not kept.startswith(_BESIDE):
            return kept
        return str(self._folder / kept.removeprefix(_BESIDE))
