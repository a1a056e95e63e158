"""Converts inequalities in one variable to intervals."""

import re
from functools import reduce
from typing import NamedTuple

from sandbox.guest.answers.lists import without_round_brackets
from sandbox.guest.answers.notation import plain_text

_LESS = r"(?:<=?|≤|\\leq?(?![a-zA-Z])|\\lt(?![a-zA-Z])|\\leqslant)"
_MORE = r"(?:>=?|≥|\\geq?(?![a-zA-Z])|\\gt(?![a-zA-Z])|\\geqslant)"
_UNEQUAL = r"(?:!=|≠|\\neq?(?![a-zA-Z]))"
_NAME = r"\s*((?:[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?)?)\s*"
_BOUND = r"\s*([^<>≤≥=!≠]*?)\s*"
_BETWEEN = re.compile(rf"{_BOUND}({_LESS}){_NAME}({_LESS}){_BOUND}")
_ONE_SIDED = re.compile(rf"{_NAME}({_LESS}|{_MORE}|{_UNEQUAL}){_BOUND}")
_TURNED = re.compile(rf"{_BOUND}({_LESS}|{_MORE}|{_UNEQUAL}){_NAME}")
_BARE = re.compile(rf"\s*({_LESS}|{_MORE}){_BOUND}")
_DISTANCE = re.compile(rf"\s*\|{_NAME}\|\s*({_LESS}|{_MORE}){_BOUND}")
_BUILDER = re.compile(
    r"\\?\{\s*(?:[a-zA-Z])(?:\s*(?:\\in|∈)\s*(?:\\mathbb\s*\{?\s*R\s*\}?|ℝ))?\s*(?:\||\\mid|:)\s*(?P<condition>[^|{}]+?)\s*\\?\}"
)
_SUBJECT = r"(?P<name>[a-zA-Z]\s+)?(?:is\s+|must be\s+)?"
_WORDED = tuple(
    (re.compile(words, re.IGNORECASE), relation)
    for words, relation in (
        (rf"{_SUBJECT}(?:at least|no less than|not less than|greater than or equal to)\s+(?P<bound>.+)", r"\geq "),
        (rf"{_SUBJECT}(?:at most|no more than|not more than|less than or equal to)\s+(?P<bound>.+)", r"\leq "),
        (rf"{_SUBJECT}(?:more|greater|higher|larger) than\s+(?P<bound>.+)", "> "),
        (rf"{_SUBJECT}(?:less|fewer|lower|smaller) than\s+(?P<bound>.+)", "< "),
        (r"(?P<name>(?!))?(?P<bound>.+?)\s+or (?:more|greater|above|higher)", r"\geq "),
        (r"(?P<name>(?!))?(?P<bound>.+?)\s+or (?:less|fewer|below|lower)", r"\leq "),
    )
)
_OR = re.compile(
    r"\s*(?:\\(?:text|mbox|mathrm)\s*\{\s*or\s*\}|(?<=\s)or(?=\s)|\\cup|\\lor|\\vee|∪|(?<=\))\s*\|\s*(?=\())\s*"
)
_AND = re.compile(r"\s*(?:\\(?:text|mbox|mathrm)\s*\{\s*and\s*\}|(?<=\s)and(?=\s)|\\land|\\wedge|&)\s*")
_LOWEST, _HIGHEST = r"-\infty", r"\infty"
_INFINITE = re.compile(r"[-+]?\s*\\infty")


class _Range(NamedTuple):
    """Values of a variable from `low` to `high`; None: unbounded."""

    name: str
    low: str | None = None
    low_included: bool = False
    high: str | None = None
    high_included: bool = False


def as_intervals(text: str) -> str | None:
    r"""`[2, 5)` for `2 <= x < 5` and `(2 <= x) & (x < 5)`, `(5, \infty)` for `x > 5`; unions for `or` and `x \neq 5`.

    A bound may stand without a variable, or in words: `\geq 4`, `at least 4`, `4 or more`. None if `text` is no such
    inequality.
    """
    text = _as_condition(text)
    parts = [_as_interval(without_round_brackets(part)) for part in _OR.split(text)]
    return None if None in parts else r" \cup ".join(part for part in parts if part)


def has_another_form(text: str) -> bool:
    """Whether `text` is a bound without a variable or in words, a distance, or a set with a condition."""
    condition = _as_condition(text)
    return condition != text or _BARE.fullmatch(text) is not None or _DISTANCE.fullmatch(text) is not None


def _as_condition(text: str) -> str:
    """The condition of a set-builder, or a bound in words as a relation; any other text as it is."""
    builder = _BUILDER.fullmatch(text.strip())
    if builder is not None:
        return builder["condition"]
    for words, relation in _WORDED:
        found = words.fullmatch(plain_text(text))
        if found is not None:
            return f"{found['name'] or ''}{relation}{found['bound']}"
    return text


def _as_interval(text: str) -> str | None:
    values = reduce(_intersection, [_read(without_round_brackets(part)) for part in _AND.split(text)])
    return _format(values) if isinstance(values, _Range) else values


def _read(text: str) -> _Range | str | None:
    """The range of one relation; for `x \\neq 5`, which has two, the finished text."""
    if found := _BETWEEN.fullmatch(text):
        low, first, name, second, high = found.groups()
        return _Range(name, _finite(low), _includes(first), _finite(high), _includes(second))
    if found := _ONE_SIDED.fullmatch(text):
        name, relation, bound = found.groups()
        return _one_sided(name, bound, relation, below=bool(re.fullmatch(_LESS, relation)))
    if found := _TURNED.fullmatch(text):
        bound, relation, name = found.groups()
        return _one_sided(name, bound, relation, below=bool(re.fullmatch(_MORE, relation)))
    if found := _DISTANCE.fullmatch(text):
        name, relation, bound = found.groups()
        return _within_distance(name, bound, relation)
    if found := _BARE.fullmatch(text):
        relation, bound = found.groups()
        return _one_sided("", bound, relation, below=bool(re.fullmatch(_LESS, relation)))
    return None


def _within_distance(name: str, bound: str, relation: str) -> _Range | str:
    """The range of `|x| < 3`; for `|x| > 3`, which has two, the finished text."""
    included = _includes(relation)
    if re.fullmatch(_LESS, relation):
        return _Range(name, f"-({bound})", included, bound, included)
    left, right = ("]", "[") if included else (")", "(")
    return rf"({_LOWEST}, -({bound}){left} \cup {right}{bound}, {_HIGHEST})"


def _one_sided(name: str, bound: str, relation: str, *, below: bool) -> _Range | str:
    if re.fullmatch(_UNEQUAL, relation):
        return rf"({_LOWEST}, {bound}) \cup ({bound}, {_HIGHEST})"
    if below:
        return _Range(name, high=_finite(bound), high_included=_includes(relation))
    return _Range(name, low=_finite(bound), low_included=_includes(relation))


def _intersection(one: _Range | str | None, other: _Range | str | None) -> _Range | None:
    """The range where both hold; None if that takes algebra."""
    if not isinstance(one, _Range) or not isinstance(other, _Range) or one.name != other.name:
        return None
    if (one.low and other.low) or (one.high and other.high):
        return None
    lower, upper = (one if one.low else other), (one if one.high else other)
    return _Range(one.name, lower.low, lower.low_included, upper.high, upper.high_included)


def _format(values: _Range) -> str:
    left = "[" if values.low and values.low_included else "("
    right = "]" if values.high and values.high_included else ")"
    return f"{left}{values.low or _LOWEST}, {values.high or _HIGHEST}{right}"


def _finite(bound: str) -> str | None:
    return None if _INFINITE.fullmatch(bound.strip()) else bound.strip()


def _includes(relation: str) -> bool:
    return "=" in relation or relation in "≤≥" or "le" in relation or "ge" in relation
