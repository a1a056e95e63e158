"""Problems out of rows: one mapping of fields, whatever the rows were read from."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.answers import ANSWER_FORMS, AnswerFormError
from store.problems.sources.splitting import made_id, question_key, side
from store.records import Problem, is_text, label_of
from store.settings import AnswerForm, TableSettings

_SHOWN = 10  # bad rows that an error lists

type OnSkipped = Callable[[str], None]
"""Is told of each row that was skipped: the file or data set, its place in it, and the reason."""


class BadRowError(ValueError):
    """Why a row cannot become a problem."""


def problems_from_rows(
    rows: Iterable[tuple[str, Mapping[str, Any] | BadRowError]],
    settings: TableSettings,
    name: str,
    where: str,
    on_skipped: OnSkipped,
) -> Iterator[Problem]:
    """Yields a problem a row. Bad rows are skipped, or are complained of together at the end.

    Args:
        rows: (its place such as "line 3", the row or why it could not be read).
        settings: which fields hold what, and what becomes of bad rows.
        name: kept as the problems' source.
        where: the file or data set, for messages.
        on_skipped: is told of each row that is skipped.

    Raises:
        ProblemSourceError: bad rows that were not to be skipped, or no problem at all.
    """
    bad: list[str] = []
    good = 0
    for place, row in rows:
        try:
            if isinstance(row, BadRowError):
                raise row
            problem = _problem(row, settings, name)
        except BadRowError as error:
            if settings.bad_rows == "skip":
                on_skipped(f"{where}: {place}: {error}")
            else:
                bad.append(f"{place}: {error}")
            continue
        good += 1
        yield problem
    if bad:
        listed = "; ".join(bad[:_SHOWN]) + (f"; and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
        raise ProblemSourceError(
            f'{where}: {listed}. Mend them, or have them skipped (bad_rows = "skip", --bad-rows skip); '
            "nothing was imported."
        )
    if not good:
        raise ProblemSourceError(f"{where}: it holds no problems")


def source_name(path: Path) -> str:
    """What a file is called as a source: its folder and its own name."""
    return "/".join(path.with_suffix("").parts[-2:]).lstrip("/")


def _problem(row: Mapping[str, Any], settings: TableSettings, name: str) -> Problem:
    columns = settings.columns
    question = _text(row, columns.question)
    key = question_key(question)
    return Problem(
        id=_text(row, columns.id) if columns.id else made_id(name, key),
        question=question,
        answer=_answer(row, settings),
        source=name,
        split=settings.split or side(key, settings.heldout_fraction),
        split_key=key,
        subject=_optional(row, columns.subject),
        level=_optional(row, columns.level),
    )


def _answer(row: Mapping[str, Any], settings: TableSettings) -> str:
    """A list of answers accepts each of them."""
    field = settings.columns.answer
    listed = row.get(field)
    several = listed if isinstance(listed, list | tuple) and listed else [listed]
    rows = [{**row, field: one} for one in several] if field in row else [row]
    return label_of(_answer_of_one(one, field, settings.answer_from) for one in rows)


def _answer_of_one(row: Mapping[str, Any], field: str, form: AnswerForm) -> str:
    text = _text(row, field)
    try:
        answer = ANSWER_FORMS[form](text)
    except AnswerFormError as error:
        raise BadRowError(f'{field!r} is not of the form "{form}": {error}') from error
    if not answer:
        raise BadRowError(f"the answer in {field!r} is empty")
    return answer


def _text(row: Mapping[str, Any], field: str) -> str:
    if field not in row:
        raise BadRowError(f"there is no field {field!r} (it has {', '.join(sorted(map(str, row))) or 'none'})")
    value = row[field]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRowError(f"{field!r} is {type(value).__name__}, not a text or a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRowError(f"{field!r} is {value}, no number")
    text = str(value).strip()
    if not text:
        raise BadRowError(f"{field!r} is empty")
    if not is_text(text):
        raise BadRowError(f"{field!r} holds a character that is no text (NUL or half a surrogate pair)")
    return text


def _optional(row: Mapping[str, Any], field: str) -> str | None:
    value = row.get(field)
    return None if value is None or (isinstance(value, str) and not value.strip()) else _text(row, field)
