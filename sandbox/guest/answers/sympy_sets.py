"""Converts sets, as sympy prints them and people name them, to LaTeX."""

import re

from sandbox.guest.answers.lists import closes_at_end, split_outside_brackets
from sandbox.guest.answers.notation import plain_text

_NAMES = {
    r"(-\infty, \infty)": (
        "reals", "all reals", "real numbers", "the real numbers", "all real numbers", "ℝ", r"\mathbb{r}", r"\mathbb r",
    ),
    r"\emptyset": (
        "emptyset", "empty set", "the empty set", "set()", "∅", r"\emptyset", r"\varnothing", "{}", r"\{\}", r"\{ \}",
        "no solution", "no solutions", "no real solution", "no real solutions", "none", "[]",
    ),
}  # fmt: skip
_NAMED = {name: written for written, names in _NAMES.items() for name in names}
_CALL = re.compile(r"(Union|FiniteSet|Interval(?:\.open|\.Lopen|\.Ropen)?)\s*(?=\()")
_INFINITE = re.compile(r"[-+]?\s*\\infty\s*")
_DEPTH = 4


def as_latex_set(text: str, depth: int = _DEPTH) -> str | None:
    r"""`[0, 1)` for `Interval.Ropen(0, 1)`, unions and finite sets alike, `(-\infty, \infty)` for all real numbers.

    None if it is no such set. `text` must already have `\infty` for infinity.
    """
    text = text.strip()
    named = _NAMED.get(plain_text(text).casefold())
    if named is not None:
        return named
    found = _CALL.match(text)
    if found is None or not closes_at_end(text[found.end() :]):
        return None
    parts = split_outside_brackets(text[found.end() + 1 : -1], ",") or []
    if found[1].startswith("Interval"):
        return _interval(found[1], parts)
    if found[1] == "FiniteSet":
        return rf"\{{{', '.join(parts)}\}}"
    sets = [as_latex_set(part, depth - 1) or part for part in parts] if depth > 0 else []
    return r" \cup ".join(sets) or None


def _interval(kind: str, ends: list[str]) -> str | None:
    if len(ends) != 2:
        return None
    low, high = ends
    left = "(" if kind.endswith((".open", ".Lopen")) or _INFINITE.fullmatch(low) else "["
    right = ")" if kind.endswith((".open", ".Ropen")) or _INFINITE.fullmatch(high) else "]"
    return f"{left}{low}, {high}{right}"
