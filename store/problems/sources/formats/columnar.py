"""Rows of Parquet and Arrow files, in batches of bounded size."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.rows.fields import Row

_BATCH_ROWS = 1024
_BATCH_BYTES = 32 * 2**20  # of values, as they are encoded
_ARROW_MAGIC = b"ARROW1"


def read_parquet(path: Path) -> Iterator[Row]:
    """Stream the rows of a Parquet file.

    Raises:
        ProblemSourceError: the file cannot be read.
    """
    with _readable(path):
        from pyarrow import parquet  # slow to import, and only needed here

        with parquet.ParquetFile(path) as file:
            yield from _numbered(file.iter_batches(batch_size=_batch_rows(file.metadata)))


def read_arrow(path: Path) -> Iterator[Row]:
    """Stream the rows of a file in Arrow's IPC format or its stream format.

    Raises:
        ProblemSourceError: the file cannot be read.
    """
    with _readable(path):
        import pyarrow

        with path.open("rb") as file:
            is_file_format = file.read(len(_ARROW_MAGIC)) == _ARROW_MAGIC
        with pyarrow.memory_map(str(path)) as source:
            if is_file_format:
                reader = pyarrow.ipc.open_file(source)
                batches = (reader.get_batch(number) for number in range(reader.num_record_batches))
            else:
                batches = iter(pyarrow.ipc.open_stream(source))
            yield from _numbered(batches)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    import pyarrow

    if not path.is_file():
        raise ProblemSourceError(f"{path}: the file cannot be read: it does not exist")
    try:
        yield
    except (OSError, pyarrow.ArrowException) as error:
        reason = " ".join(str(error).split())[:300]
        raise ProblemSourceError(f"{path}: the file cannot be read: {reason}") from error


def _numbered(batches: Iterator[Any]) -> Iterator[Row]:
    number = 0
    for batch in batches:
        step = _rows_within(batch.nbytes, batch.num_rows)
        for start in range(0, batch.num_rows, step):
            for row in batch.slice(start, step).to_pylist():
                number += 1
                yield f"row {number}", row


def _batch_rows(metadata: Any) -> int:
    """The rows of a Parquet file that are decoded at a time."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return min((_rows_within(group.total_byte_size, group.num_rows) for group in groups), default=_BATCH_ROWS)


def _rows_within(num_bytes: int, num_rows: int) -> int:
    return max(1, min(_BATCH_ROWS, num_rows * _BATCH_BYTES // max(num_bytes, 1)))
