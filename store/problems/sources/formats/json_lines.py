"""Rows of a file with one JSON object per line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from store.problems.sources.formats.text_files import MAX_ROW_BYTES, open_text
from store.problems.sources.rows.fields import BadRowError, Row


def read_json_lines(path: Path) -> Iterator[Row]:
    """Stream the rows, ignoring blank lines.

    Raises:
        ProblemSourceError: the file cannot be read.
    """
    with open_text(path) as file:
        yield from rows_of_lines(file)


def rows_of_lines(file: BinaryIO) -> Iterator[Row]:
    """The rows of the lines from here on."""
    number = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            _skip_line(file, line)
            yield f"line {number}", BadRowError(f"longer than {MAX_ROW_BYTES // 2**20} MiB")
        elif line.strip():
            yield f"line {number}", parse_object(line)


def parse_object(text: bytes) -> dict[str, Any] | BadRowError:
    """The JSON object in a text, or what is wrong with it."""
    try:
        row = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return BadRowError(f"byte {error.start + 1} is not UTF-8")
    except json.JSONDecodeError as error:
        return BadRowError(f"not JSON: {error.msg} at column {error.colno}")
    except ValueError:  # of an integer of thousands of digits
        return BadRowError("not readable as JSON: a number is too long")
    except RecursionError:
        return BadRowError("not readable as JSON: nested too deeply")
    return row if isinstance(row, dict) else BadRowError("not a JSON object")


def _skip_line(file: BinaryIO, part: bytes) -> None:
    while part and not part.endswith(b"\n"):
        part = file.readline(MAX_ROW_BYTES)
