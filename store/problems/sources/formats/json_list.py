"""Rows of a JSON file: a list of objects, read object by object, or one object per line."""

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from store.errors import ProblemSourceError
from store.problems.sources.formats.json_lines import rows_of_lines
from store.problems.sources.formats.text_files import MAX_ROW_BYTES, open_text
from store.problems.sources.rows.fields import BadRowError, Row

_CHUNK_BYTES = 2**18
_SPACE = " \t\r\n"


def read_json(path: Path) -> Iterator[Row]:
    """Stream the rows of a list, or of lines if the file does not begin with one.

    Raises:
        ProblemSourceError: the file cannot be read, or a list is broken: where its next row begins is not known then.
    """
    with open_text(path) as file:
        start = file.tell()
        while (first := file.read(1)) and first in _SPACE.encode():
            pass
        file.seek(start)
        if first == b"[":
            yield from _List(file, path).rows()
        elif first == b"{" and _spans_lines(file, start):
            raise ProblemSourceError(
                f"{path}: the file cannot be read: it is one JSON object over several lines: write a list of objects "
                "in [], or one object per line"
            )
        else:
            yield from rows_of_lines(file)


def _spans_lines(file: BinaryIO, start: int) -> bool:
    """Whether the file is an object that ends after its first line."""
    line = file.readline(MAX_ROW_BYTES)
    while not line.strip() and line:
        line = file.readline(MAX_ROW_BYTES)
    file.seek(start)
    return line.strip() == b"{" or line.strip().endswith((b"{", b"[", b",", b":"))


class _List:
    """A JSON list of which one object at a time is in memory."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file, self._path = file, path
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at, self._line, self._ended = "", 0, 1, False

    def rows(self) -> Iterator[Row]:
        """The rows in order."""
        self._expect("[", 0)
        number = 0
        while self._peek() != "]":
            if number:
                self._expect(",", number)
            number += 1
            row = self._next(number)
            yield f"row {number}", row if isinstance(row, dict) else BadRowError("not a JSON object")
        self._expect("]", number)
        if self._peek():
            raise self._broken("there is more after the end of the list", number)

    def _next(self, number: int) -> Any:
        """The next value. Text is read until it is complete, twice as much each time."""
        if self._peek() == "]":
            raise self._broken("there is a comma before the end of the list", number)
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > MAX_ROW_BYTES:
                    raise self._broken(self._explain(error), number) from error
            except ValueError as error:
                raise self._broken("a number is too long", number) from error
            except RecursionError as error:
                raise self._broken("it is nested too deeply", number) from error
            else:
                if end < len(self._text) or self._ended:  # else a number could go on
                    self._advance(end)
                    return value
            self._read(max(_CHUNK_BYTES, len(self._text) - self._at))

    def _peek(self) -> str:
        """The next character that is no whitespace; "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._advance(self._at + 1)
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read(_CHUNK_BYTES)

    def _expect(self, character: str, number: int) -> None:
        found = self._peek()
        if found != character:
            after = f"after row {number}: " if number else ""
            raise self._broken(f"{after}{found or 'the end of the file'!r} instead of {character!r}", number or 1)
        self._advance(self._at + 1)

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _read(self, size: int) -> None:
        data = self._file.read(size)
        self._ended = not data
        try:
            self._text = self._text[self._at :] + self._decode(data, self._ended)
        except UnicodeDecodeError as error:
            byte = self._file.tell() - len(data) + error.start + 1
            raise ProblemSourceError(
                f"{self._path}: the file cannot be read: at about byte {byte:,} it is not UTF-8: save it as UTF-8"
            ) from error
        self._at = 0

    def _explain(self, error: json.JSONDecodeError) -> str:
        if not self._ended:
            return f"{error.msg}, or the row is longer than {MAX_ROW_BYTES // 2**20} MiB"
        self._line += self._text.count("\n", self._at, error.pos)
        self._at = error.pos
        return error.msg

    def _broken(self, reason: str, number: int) -> ProblemSourceError:
        return ProblemSourceError(
            f"{self._path}: row {number} (line {self._line}): not JSON: {reason}. Nothing was imported, and no row "
            "after it can be read: fix it"
        )


_DECODER = json.JSONDecoder()
