"""Inequalities in one variable, written as the intervals that they describe."""

import re

_LESS = r"(?:<=?|≤|\\leq?(?![a-zA-Z])|\\lt(?![a-zA-Z])|\\leqslant)"
_MORE = r"(?:>=?|≥|\\geq?(?![a-zA-Z])|\\gt(?![a-zA-Z])|\\geqslant)"
_NAME = r"\s*(?:[a-zA-Z]|\\[a-zA-Z]+)(?:_\{?\w+\}?)?\s*"
_BOUND = r"\s*([^<>≤≥=]*?)\s*"
_BETWEEN = re.compile(rf"{_BOUND}({_LESS}){_NAME}({_LESS}){_BOUND}")
_BELOW = re.compile(rf"{_NAME}({_LESS}){_BOUND}")
_ABOVE = re.compile(rf"{_NAME}({_MORE}){_BOUND}")
_OR = re.compile(r"\s*(?:\\(?:text|mbox|mathrm)\s*\{\s*or\s*\}|(?<=\s)or(?=\s)|\\cup|\\lor)\s*")


def as_intervals(text: str) -> str | None:
    """`[2, 5)` for `2 <= x < 5`, `(5, \\infty)` for `x > 5`, unions for `or`; None if it is no such inequality."""
    parts = [_as_interval(part) for part in _OR.split(text)]
    return None if None in parts else r" \cup ".join(part for part in parts if part)


def _as_interval(text: str) -> str | None:
    if found := _BETWEEN.fullmatch(text):
        low, first, second, high = found.groups()
        return f"{'[' if _includes(first) else '('}{low}, {high}{']' if _includes(second) else ')'}"
    if found := _BELOW.fullmatch(text):
        return rf"(-\infty, {found[2]}{']' if _includes(found[1]) else ')'}"
    if found := _ABOVE.fullmatch(text):
        return rf"{'[' if _includes(found[1]) else '('}{found[2]}, \infty)"
    return None


def _includes(relation: str) -> bool:
    return "=" in relation or relation in "≤≥" or "le" in relation or "ge" in relation
