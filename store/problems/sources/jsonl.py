"""Problems from a file with one JSON object per line."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.row_parsing import BadRowError, OnSkipped, problems_from_rows, source_name
from store.records import Problem
from store.settings import JsonlSettings


def read_jsonl(settings: JsonlSettings, on_skipped: OnSkipped) -> Iterator[Problem]:
    """Stream the problems of a file, ignoring blank lines.

    Raises:
        ProblemSourceError: the file cannot be read, or has bad lines (listed by number, with the reason).
    """
    path = Path(settings.path).expanduser()
    rows = islice(_rows(path), settings.limit)
    return problems_from_rows(rows, settings, settings.name or source_name(path), str(path), on_skipped)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | BadRowError]]:
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"line {number}", _parse(line)
    except OSError as error:
        raise ProblemSourceError(f"{path}: the file cannot be read: {error.strerror or error}") from error


def _parse(line: bytes) -> dict[str, Any] | BadRowError:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return BadRowError(f"byte {error.start + 1} is not UTF-8")
    except json.JSONDecodeError as error:
        return BadRowError(f"not JSON: {error.msg} at column {error.colno}")
    except RecursionError:
        return BadRowError("not readable as JSON: nested too deeply")
    return row if isinstance(row, dict) else BadRowError("not a JSON object")
