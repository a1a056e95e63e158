"""Problems from a Parquet file."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.row_parsing import OnSkipped, problems_from_rows, source_name
from store.records import Problem
from store.settings import ParquetSettings

_BATCH_ROWS = 1024


def read_parquet(settings: ParquetSettings, on_skipped: OnSkipped) -> Iterator[Problem]:
    """Stream the problems of a file.

    Raises:
        ProblemSourceError: the file cannot be read, or has bad rows (listed by number, with the reason).
    """
    path = Path(settings.path).expanduser()
    numbered = ((f"row {number}", row) for number, row in enumerate(_rows(path), start=1))
    rows = islice(numbered, settings.limit)
    return problems_from_rows(rows, settings, settings.name or source_name(path), str(path), on_skipped)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow  # slow to import, and only needed here
    from pyarrow import parquet

    if not path.is_file():
        raise ProblemSourceError(f"{path}: the file cannot be read: it does not exist")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                yield from batch.to_pylist()
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:300]
        raise ProblemSourceError(f"{path}: the file cannot be read: {reason}") from error
