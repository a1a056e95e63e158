"""Fields of a row: values by path, texts, and the errors that name what is wrong with them."""

import difflib
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from store.records import is_text

MAX_CHARS = 1_000_000
"""Limit of a text. A longer one is no question or answer, and no policy could read it."""

_LISTED_FIELDS = 30  # that a message names
_SYNONYMS = {
    "question": ("problem", "prompt", "query", "instruction"),
    "answer": ("final_answer", "solution", "label", "target", "ground_truth"),
}

type Row = tuple[str, Mapping[str, Any] | BadRowError]
"""The position of a row in its source, such as "line 3", and the row or the reason why it cannot be read."""


class BadRowError(ValueError):
    """A row that is not a problem. The message is the reason."""


class NoAnswerError(BadRowError):
    """A row that has no usable label. `reason` is the same for all rows alike."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnwantedRowError(NoAnswerError):
    """A row that the settings leave out, whatever becomes of others without a usable label."""


def has(row: Mapping[str, Any], field: str) -> bool:
    """Whether a row has a field, whatever its value."""
    names, rest = _descend(row, field)
    return rest in names


def value_of(row: Mapping[str, Any], field: str) -> Any:
    """The value of a field, whose name leads into nested objects at its dots unless the row has it as it is.

    Raises:
        BadRowError: there is no such field; the message names those there are.
    """
    names, rest = _descend(row, field)
    if rest not in names:
        raise BadRowError(_missing(row, field, rest, names))
    return names[rest]


def _descend(row: Mapping[str, Any], field: str) -> tuple[Mapping[str, Any], str]:
    """The innermost object that the name of a field leads to, and what is left of the name there."""
    names, rest = row, field
    while rest not in names:
        head, dot, tail = rest.partition(".")
        inner = names.get(head)
        if not dot or not isinstance(inner, Mapping):
            break
        names, rest = inner, tail
    return names, rest


def text_of(row: Mapping[str, Any], field: str) -> str:
    """A field as a text. Raises `BadRowError` if it is missing, or neither a text nor a number."""
    return as_text(value_of(row, field), field)


def optional_text(row: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """The first of these fields that the row has, or None if they are missing or empty."""
    for field in fields:
        value = value_of(row, field) if has(row, field) else None
        if value is not None and not (isinstance(value, str) and not value.strip()):
            return as_text(value, field)
    return None


def as_text(value: Any, field: str) -> str:
    """A text or a number as a text without surrounding whitespace. Raises `BadRowError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise BadRowError(f"{field!r} is {kind_of(value)}, not a string or a number")
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        raise BadRowError(f"{field!r} is {value}, not a finite number")
    text = str(value).strip()
    if not text:
        raise BadRowError(f"{field!r} is empty")
    if len(text) > MAX_CHARS:
        raise BadRowError(f"{field!r} has {len(text):,} characters, at most {MAX_CHARS:,} are allowed")
    if not is_text(text):
        raise BadRowError(f"{field!r} contains an invalid character (NUL or an unpaired surrogate)")
    return text


def kind_of(value: Any) -> str:
    """What JSON calls a value of this type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "an object"
    return "a list" if isinstance(value, list | tuple) else f"of type {type(value).__name__}"


def _missing(row: Mapping[str, Any], field: str, name: str, among: Mapping[str, Any]) -> str:
    names = sorted(map(str, among))
    listed = ", ".join(names[:_LISTED_FIELDS]) + (", ..." if len(names) > _LISTED_FIELDS else "")
    owner = "it" if among is row else repr(field.removesuffix(f".{name}"))
    similar = _similar(name, names)
    hint = f"; did you mean {field.removesuffix(name) + similar!r}?" if similar else ""
    return f"there is no field {field!r} ({owner} has {listed or 'none'}){hint}"


def _similar(name: str, names: Sequence[str]) -> str | None:
    by_lower = {one.lower(): one for one in names}
    matches = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    candidates = (name.lower(), *matches, *_SYNONYMS.get(name, ()))
    return next((by_lower[one] for one in candidates if one in by_lower), None)
