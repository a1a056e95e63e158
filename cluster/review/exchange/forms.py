"""Files of items and decisions, in each of their forms."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from cluster.config.run_config import ConfigError
from cluster.review.exchange.argilla import from_argilla, to_argilla, user_id
from cluster.review.exchange.lines import from_line, to_line
from cluster.review.exchange.parsing import BadRecordError
from store.records import ImportedDecision, ReviewedItem

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of files: how an item is written, the decisions of a row are read, and rows lie in a file."""

    to_row: Callable[[ReviewedItem], Row]
    from_row: Callable[[Any, Mapping[str, str]], Iterator[ImportedDecision]]
    write: Callable[[TextIO, Iterable[Row]], int]
    read: Callable[[TextIO], Iterator[Any]]


def write_file(path: Path, form: Form, items: Iterable[ReviewedItem]) -> int:
    """Write items to a new file, which appears when it is complete; returns how many.

    Raises:
        ConfigError: the file exists, or cannot be written.
    """
    if path.exists():
        raise ConfigError(f"{path} exists: name a new file")
    aside = path.with_name(f".{path.name}.tmp")
    try:
        with aside.open("w", encoding="utf-8", errors="replace") as file:
            count = form.write(file, map(form.to_row, items))
        aside.replace(path)
    except OSError as error:
        raise ConfigError(f"the reviews cannot be written to {path}: {error.strerror or error}") from None
    return count


def read_file(path: Path, form: Form, reviewers: Iterable[str]) -> Iterator[ImportedDecision]:
    """The decisions in a file. `reviewers` are the names that are known, which some forms do not write out.

    Raises:
        ConfigError: the file cannot be read, or a record in it is none; the message names it.
    """
    known = {user_id(name): name for name in reviewers}
    read = 0
    try:
        with path.open(encoding="utf-8-sig") as file:
            for row in form.read(file):
                read += 1
                yield from form.from_row(row, known)
    except BadRecordError as error:
        raise ConfigError(f"{path}, record {read}: {error}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}, after record {read}: not JSON ({error})") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the decisions cannot be read: {error}") from None


def _write_lines(file: TextIO, rows: Iterable[Row]) -> int:
    return sum(1 for row in rows if file.write(json.dumps(row, ensure_ascii=False) + "\n"))


def _read_lines(file: TextIO) -> Iterator[Any]:
    return (json.loads(line) for line in file if line.strip())


def _write_list(file: TextIO, rows: Iterable[Row]) -> int:
    count = 0
    file.write("[")
    for row in rows:
        file.write((",\n" if count else "\n") + json.dumps(row, ensure_ascii=False))
        count += 1
    file.write("\n]\n")
    return count


def _read_list(file: TextIO) -> Iterator[Any]:
    rows = json.load(file)
    if not isinstance(rows, list):
        raise BadRecordError("the file is no list of records, as Argilla's `records.to_json` writes it")
    return iter(rows)


FORMS: Mapping[str, Form] = {
    "jsonl": Form(to_line, from_line, _write_lines, _read_lines),
    "argilla": Form(to_argilla, from_argilla, _write_list, _read_list),
}
