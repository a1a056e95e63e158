"""Filters and places in URLs: parsed from their parameters, and written into links."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlencode

from store.records import Outcome, Purpose, RolloutFilter, Split, is_text

_MOST_CHARS = 300
_MOST_DIGITS = 18  # what every database has an integer for
_TEXTS = {"problem": "problem_id", "source": "source", "text": "text"}
_NUMBERS = {"policy": "policy_version", "iteration": "iteration"}
_KINDS: Mapping[str, type[StrEnum]] = {"split": Split, "purpose": Purpose, "outcome": Outcome}


class QueryError(ValueError):
    """A parameter of a URL that cannot be understood. The message names it, its value, and what would be right."""


@dataclass(frozen=True, slots=True)
class Query:
    """What a URL asks for: a filter, the place from which a page goes on, and the rollout to compare with."""

    wanted: RolloutFilter
    older_than: int | None = None
    newer_than: int | None = None
    compared: str | None = None


def parse(parameters: Mapping[str, str]) -> Query:
    """The query of a URL's parameters. Empty ones, as forms send them, are as absent.

    Raises:
        QueryError: a value is not one that the parameter can have.
    """
    given = {name: value.strip() for name, value in parameters.items() if value.strip()}
    texts = {field: _text(name, given[name]) for name, field in _TEXTS.items() if name in given}
    numbers = {field: _number(name, given[name]) for name, field in _NUMBERS.items() if name in given}
    kinds = {name: _member(name, given[name], kind) for name, kind in _KINDS.items() if name in given}
    places = {name: _number(name, given[name]) for name in ("older", "newer") if name in given}
    wanted = RolloutFilter(**texts, **numbers, **kinds)  # type: ignore[arg-type]
    compared = _text("with", given["with"]) if "with" in given else None
    return Query(wanted, places.get("older"), places.get("newer"), compared)


def parameters_of(wanted: RolloutFilter) -> dict[str, str]:
    """The parameters that stand for a filter in a URL."""
    fields = _TEXTS | _NUMBERS | {name: name for name in _KINDS}
    values = {name: getattr(wanted, field) for name, field in fields.items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def listing_url(wanted: RolloutFilter, **place: int) -> str:
    """The URL of a page of rollouts."""
    return _url("/rollouts", parameters_of(wanted) | {name: str(value) for name, value in place.items()})


def rollout_url(rollout_id: str, wanted: RolloutFilter | None = None, compared: str | None = None) -> str:
    """The URL of a rollout, among those that match a filter, and beside another one."""
    parameters = parameters_of(wanted or RolloutFilter()) | ({} if compared is None else {"with": compared})
    return _url(f"/rollouts/{quote(rollout_id, safe='')}", parameters)


def problem_url(problem_id: str) -> str:
    """The URL of a problem."""
    return f"/problems/{quote(problem_id, safe='')}"


def _url(path: str, parameters: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(parameters)}" if parameters else path


def _text(name: str, value: str) -> str:
    if len(value) > _MOST_CHARS:
        raise QueryError(f"{name}: {len(value):,} characters; at most {_MOST_CHARS} can be looked for")
    if not is_text(value):
        raise QueryError(f"{name}: it has a NUL character or half a surrogate pair, which no stored text has")
    return value


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS):
        raise QueryError(f"{name}: {value[:40]!r} is not an integer of 0 or more")
    return int(value)


def _member(name: str, value: str, kind: type[StrEnum]) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise QueryError(f"{name}: {value[:40]!r} is none of {', '.join(kind)}") from None
