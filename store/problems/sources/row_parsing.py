"""Parses rows into problems, by one mapping of fields for all kinds of files and data sets."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.answers import ANSWER_FORMS, AnswerFormError
from store.problems.sources.splitting import generate_id, question_key, split_of_key
from store.records import Problem, is_text, make_label
from store.settings import AnswerForm, TableSettings

_LISTED = 10  # bad rows that an error message lists

type OnSkipped = Callable[[str], None]
"""Called for each skipped row with a line of text: the file or data set, the position in it, and the reason."""


class BadRowError(ValueError):
    """A row that is not a problem. The message is the reason."""


def problems_from_rows(
    rows: Iterable[tuple[str, Mapping[str, Any] | BadRowError]],
    settings: TableSettings,
    name: str,
    where: str,
    on_skipped: OnSkipped,
) -> Iterator[Problem]:
    """Yield a problem per row. Bad rows are either skipped or reported together at the end.

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
            if settings.bad_rows == "skip":
                on_skipped(f"{where}: {position}: {error}")
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
    question = _text(row, columns.question)
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
    value = row.get(field)
    values = value if isinstance(value, list | tuple) and value else [value]
    rows = [{**row, field: item} for item in values] if field in row else [row]
    return make_label(_single_answer(single, field, settings.answer_from) for single in rows)


def _single_answer(row: Mapping[str, Any], field: str, form: AnswerForm) -> str:
    text = _text(row, field)
    try:
        answer = ANSWER_FORMS[form](text)
    except AnswerFormError as error:
        raise BadRowError(f'{field!r} does not have the form "{form}": {error}') from error
    if not answer:
        raise BadRowError(f"the answer in {field!r} is empty")
    return answer


def _text(row: Mapping[str, Any], field: str) -> str:
    if field not in row:
        raise BadRowError(f"there is no field {field!r} (it has {', '.join(sorted(map(str, row))) or 'none'})")
    value = row[field]
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
