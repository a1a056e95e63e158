"""Rows of a CSV file with a header."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import ProblemSourceError
from store.problems.sources.formats.text_files import MAX_ROW_BYTES, open_text
from store.problems.sources.rows.fields import BadRowError, Row

_DELIMITERS = ",;\t"


def read_csv(path: Path) -> Iterator[Row]:
    """Stream the rows, ignoring blank lines. All values are texts.

    Raises:
        ProblemSourceError: the file cannot be read, or its header is bad.
    """
    csv.field_size_limit(MAX_ROW_BYTES)  # of the whole process; 128 KiB by default
    with open_text(path) as file:
        lines = _lines(file, path)
        blank = 0
        while (first := next(lines, "")) and not first.strip():
            blank += 1
        delimiter = max(_DELIMITERS, key=first.count)
        header = _header(first, delimiter, path)
        yield from _rows(csv.reader(lines, delimiter=delimiter, strict=True), header, blank + 2)


def _lines(file: BinaryIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(MAX_ROW_BYTES + 1):
        number += 1
        if len(line) > MAX_ROW_BYTES:
            raise ProblemSourceError(f"{path}: line {number}: longer than {MAX_ROW_BYTES // 2**20} MiB")
        # What is no UTF-8 becomes surrogates, which no UTF-8 has, so that the row can be named and skipped.
        yield line.decode("utf-8", "surrogateescape")


def _rows(reader: Any, header: list[str], first_line: int) -> Iterator[Row]:
    while True:
        position = f"line {reader.line_num + first_line}"
        try:
            values = next(reader, None)
        except csv.Error as error:
            yield position, BadRowError(f"not CSV: {error}")
            continue
        if values is None:
            return
        if values:
            yield position, _row(values, header)


def _row(values: list[str], header: list[str]) -> dict[str, str] | BadRowError:
    if len(values) != len(header):
        return BadRowError(
            f"it has {len(values)} fields, and the header has {len(header)}: put texts with separators in quotes"
        )
    for name, value in zip(header, values, strict=True):
        try:
            value.encode()
        except UnicodeEncodeError:
            return BadRowError(f"{name!r} is not UTF-8: save the file as UTF-8")
    return dict(zip(header, values, strict=True))


def _header(line: str, delimiter: str, path: Path) -> list[str]:
    try:
        header = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error as error:
        raise ProblemSourceError(f"{path}: the header is not CSV on one line: {error}") from error
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        raise ProblemSourceError(f"{path}: the header names {', '.join(map(repr, doubled))} twice: rename one of them")
    return header
