"""The driver's log file, and notes on the screen while the database is unavailable."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.loop.progress import Progress

_NOTE_INTERVAL_S = 10.0


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Append log records of level INFO and above to a file."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    previous_level = root.level
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(previous_level)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def outages_noted(progress: Progress) -> Iterator[None]:
    """Note on the screen that the store waits for its database. Without a note the run would seem to hang."""
    handler = _NoteHandler(progress)
    logger = logging.getLogger("store.database.retry")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _NoteHandler(logging.Handler):
    """Shows warnings as notes, at most one per interval."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress
        self._last_note_at = -_NOTE_INTERVAL_S

    def emit(self, record: logging.LogRecord) -> None:
        """Note the record, unless another was noted within the interval."""
        if record.created - self._last_note_at >= _NOTE_INTERVAL_S:
            self._last_note_at = record.created
            self._progress.note(record.getMessage())
