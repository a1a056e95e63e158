"""Files of rows. Each is written under a temporary name and renamed, so that a shard is always complete."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

Rows = Sequence[Mapping[str, Any]]


def write_shard(path: Path, rows: Rows, schema: pa.Schema) -> None:
    """Write rows to `path`, in the format of its suffix. The shard is on disk when this returns."""
    temporary = path.with_name(f".{path.name}.tmp")
    _WRITERS[path.suffix](temporary, rows, schema)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _write_jsonl(path: Path, rows: Rows, schema: pa.Schema) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(path: Path, rows: Rows, schema: pa.Schema) -> None:
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


_WRITERS: Mapping[str, Callable[[Path, Rows, pa.Schema], None]] = {".jsonl": _write_jsonl, ".parquet": _write_parquet}
