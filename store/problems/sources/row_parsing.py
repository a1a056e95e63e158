"""Parses rows into problems, by one mapping of fields for all kinds of files and data sets."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.answers import ANSWER_FORMS, AnswerFormError, is_no_answer
from store.problems.sources.splitting import generate_id, question_key, split_of_key
from store.records import Problem, SkippedRow, is_text, make_label
from store.settings import TableSettings

_LISTED = 10  # bad rows that an error message lists
_SHOWN = 60  # characters of a label

type OnSkipped = Callable[[SkippedRow], None]
"""Called for each skipped row; its text names the file or data set, the position in it, and the reason."""


class BadRowError(ValueError):
    """A row that is not a problem. The message is the reason."""


class NoAnswerError(BadRowError):
    """A row whose label is no answer."""


def problems_from_rows(
    rows: Iterable[tuple[str, Mapping[str, Any] | BadRowError]],
    settings: TableSettings,
    name: str,
    where: str,
    on_skipped: OnSkipped,
) -> Iterator[Problem]:
    """Yield a problem per row. Bad rows are either skipped or reported together at the end.

    Rows whose label is no answer are skipped, unless the settings keep them.

    Args:
        rows: (position such as "line 3", the row or the reason why it could not be read).
        settings: the mapping of fields, and whether to skip bad rows.
        name: stored as the problems' source.
        where: the file or data set, for messages.
        on_skipped: called for each row that is skipped.

    Raises:
        ProblemSourceError: there are bad rows and the settings do not skip them, or there are no problems at all.
    """
    bad: list[str] = []
    good = 0
    for position, row in rows:
        try:
            if isinstance(row, BadRowError):
                raise row
            problem = _problem(row, settings, name)
        except BadRowError as error:
            no_answer = isinstance(error, NoAnswerError)
            if settings.bad_rows == "skip" or (no_answer and settings.skip_labels != "none"):
                on_skipped(SkippedRow(f"{where}: {position}: {error}", no_answer))
            else:
                bad.append(f"{position}: {error}")
            continue
        good += 1
        yield problem
    if bad:
        listed = "; ".join(bad[:_LISTED]) + (f"; and {len(bad) - _LISTED} more" if len(bad) > _LISTED else "")
        raise ProblemSourceError(
            f'{where}: {listed}. Nothing was imported: fix them, or skip them (bad_rows = "skip", --bad-rows skip).'
        )
    if not good:
        raise ProblemSourceError(f"{where}: it contains no problems")


def source_name(path: Path) -> str:
    """The name of a file as a source: its folder and its own name without the suffix."""
    return "/".join(path.with_suffix("").parts[-2:]).lstrip("/")


def _problem(row: Mapping[str, Any], settings: TableSettings, name: str) -> Problem:
    columns = settings.columns
    question = _question(row, columns.question)
    key = question_key(question)
    return Problem(
        id=_text(row, columns.id) if columns.id else generate_id(name, key),
        question=question,
        answer=_answer(row, settings),
        source=name,
        split=settings.split or split_of_key(key, settings.heldout_fraction),
        split_key=key,
        subject=_optional(row, columns.subject),
        level=_optional(row, columns.level),
        template_twins=settings.template_twins,
    )


def _answer(row: Mapping[str, Any], settings: TableSettings) -> str:
    """The label. A field with a list of answers accepts each of them."""
    field = settings.columns.answer
    value = _value(row, field)
    if isinstance(value, str) and not value.strip():
        raise NoAnswerError(f"{field!r} is empty")
    values = value if isinstance(value, list | tuple) and value else [value]
    return make_label(_single_answer(single, field, settings) for single in values)


def _single_answer(value: Any, field: str, settings: TableSettings) -> str:
    text, form = _as_text(value, field), settings.answer_from
    try:
        answer = ANSWER_FORMS[form](text)
    except AnswerFormError as error:
        raise BadRowError(f'{field!r} does not have the form "{form}": {error}') from error
    if not answer:
        raise NoAnswerError(f"the answer in {field!r} is empty")
    if settings.skip_labels != "none" and is_no_answer(answer):
        raise NoAnswerError(f"{answer[:_SHOWN]!r} in {field!r} is no answer")
    return answer


def _question(row: Mapping[str, Any], field: str) -> str:
    """The question; of a list of chat messages, the last one of the user."""
    value = _value(row, field)
    if isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
        texts = [one.get("content") for one in value if one.get("role") == "user"]
        if not texts:
            raise BadRowError(f"{field!r} has no message of the user")
        value = texts[-1]
    return _as_text(value, field)


def _text(row: Mapping[str, Any], field: str) -> str:
    return _as_text(_value(row, field), field)


def _value(row: Mapping[str, Any], field: str) -> Any:
    """The value of a field, whose name leads into nested objects at its dots unless the row has it as it is."""
    if field in row:
        return row[field]
    head, _, rest = field.partition(".")
    if rest and isinstance(row.get(head), Mapping):
        return _value(row[head], rest)
    raise BadRowError(f"there is no field {field!r} (it has {', '.join(sorted(map(str, row))) or 'none'})")


def _as_text(value: Any, field: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRowError(f"{field!r} is {type(value).__name__}, not a string or a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRowError(f"{field!r} is {value}, not a finite number")
    text = str(value).strip()
    if not text:
        raise BadRowError(f"{field!r} is empty")
    if not is_text(text):
        raise BadRowError(f"{field!r} contains an invalid character (NUL or an unpaired surrogate)")
    return text


def _optional(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    return None if value is None or (isinstance(value, str) and not value.strip()) else _text(row, field)
