"""Sets of real numbers, joined by unions, intersections and differences."""

import re
from typing import Any

import sympy  # type: ignore[import-untyped]

from sandbox.guest.answers.expressions.reader import read_expression
from sandbox.guest.answers.expressions.tokens import UnreadError
from sandbox.guest.answers.lists import closes_at_end, read_listing, split_outside_brackets

_OPERATIONS = {"\x01": sympy.Union, "\x02": sympy.Intersection, "\x03": sympy.Complement}
_SIGNS = (
    (re.compile(r"\\cup(?![a-z])|∪"), "\x01"),
    (re.compile(r"\\cap(?![a-z])|∩"), "\x02"),
    (re.compile(r"\\(?:setminus|backslash)(?![a-z])|∖"), "\x03"),
)
_NAMED = {
    r"\mathbb{R}": sympy.S.Reals, r"\mathbb R": sympy.S.Reals, r"\R": sympy.S.Reals, r"\mathbb{Z}": sympy.S.Integers,
    r"\mathbb{N}": sympy.S.Naturals, r"\mathbb{Q}": sympy.S.Rationals, r"\emptyset": sympy.S.EmptySet,
    r"\varnothing": sympy.S.EmptySet,
}  # fmt: skip
_MAX_PARTS = 20
_STEP = sympy.Rational(1, 1000)


def read_set(text: str) -> Any:
    """The sympy set that all of `text` describes, from left to right. Raises UnreadError if it is none."""
    for pattern, mark in _SIGNS:
        text = pattern.sub(mark, text)
    operators = _outside(text, tuple(_OPERATIONS))
    if len(operators) > _MAX_PARTS:
        raise UnreadError("it has too many sets")
    pieces = [text[a + 1 : b] for a, b in zip([-1, *operators], [*operators, len(text)], strict=True)]
    combined = _part(pieces[0])
    for position, piece in zip(operators, pieces[1:], strict=True):
        combined = _OPERATIONS[text[position]](combined, _part(piece))
    return combined


def equal_sets(expected: Any, given: Any) -> bool | None:
    """Whether both sets have the same elements, by set algebra and at and around each of their bounds."""
    if expected == given:
        return True
    points = _bounds(expected) | _bounds(given) | {sympy.Integer(0)}
    around = [point + step for point in points for step in (0, -_STEP, _STEP)]
    try:
        if any(expected.contains(point) != given.contains(point) for point in around):
            return False
        return True if sympy.SymmetricDifference(expected, given).is_empty else None
    except (TypeError, NotImplementedError, ValueError):
        return None


def _bounds(values: Any) -> set[Any]:
    found: set[Any] = set()
    for part in sympy.preorder_traversal(values):
        if isinstance(part, sympy.Interval):
            found |= {bound for bound in (part.start, part.end) if bound.is_finite}
        elif isinstance(part, sympy.FiniteSet):
            found |= set(part.args)
    return found


def _outside(text: str, marks: tuple[str, ...]) -> list[int]:
    """The positions of the marks outside brackets; an interval's two brackets need not be of one kind."""
    depth, found = 0, []
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and character in marks:
            found.append(position)
    return found


def _part(text: str) -> Any:
    text = text.strip()
    if text in _NAMED:
        return _NAMED[text]
    if text.startswith("(") and closes_at_end(text) and _outside(text[1:-1], tuple(_OPERATIONS)):
        return read_set(text[1:-1])
    listing = read_listing(text)
    if listing is None:
        raise UnreadError(f"{text!r} is no set")
    values = [_number(item) for item in listing.items]
    if listing.brackets == "{}":
        return sympy.FiniteSet(*values)
    if len(values) != 2 or not listing.brackets or split_outside_brackets(text[1:-1], ",") is None:
        raise UnreadError(f"{text!r} is no interval")
    return sympy.Interval(*values, listing.brackets[0] == "(", listing.brackets[1] == ")")


def _number(text: str) -> Any:
    value = read_expression(text).value
    if not value.is_number or value.is_extended_real is not True:
        raise UnreadError(f"{text!r} is no real number")
    return value
