"""Qwen's rule: answers are equal as texts, as numbers within 1e-4, or by algebra, after a generous normalisation.

The rule of the evaluation of Qwen2.5-Math (arXiv 2409.12122), which that of ToRA (arXiv 2309.17452) became: the last of
a row of harnesses that others copy from. It favours the policy: of a number, the hundredfold and the hundredth part are
right as well, units are removed, and so are single letters that may be units.

`docs/benchmarks.md` says where this implementation decides otherwise.
"""

import re
from math import isclose

from eval.judging.qwen_text import normalise
from eval.judging.rule import Algebra

_CLOSE = 1e-4  # relative
_CHOICES = frozenset("ABCDE")
_LIST = re.compile(r"[(\[].+[)\]]", re.DOTALL)
_MATRIX = re.compile(r"\(?\\begin\{[pb]matrix\}(?P<body>.*)\\end\{[pb]matrix\}\)?", re.DOTALL)
_SET = re.compile(r"\{[^{}]*,[^{}]*\}")
_NAME_CHARS = 2  # of the left side of an equation that only gives a name to its right side
_DEPTH = 4  # of lists in lists


class QwenRule:
    """Qwen's rule."""

    def __init__(self, algebra: Algebra) -> None:
        self._algebra = algebra

    async def is_right(self, reference: str, answer: str) -> bool:
        """Whether an answer is right where `reference` is."""
        return await self.equal(_extracted(answer), normalise(reference))

    async def equal(self, given: str, expected: str) -> bool:
        """Whether two normalised answers are equal."""
        return await self._equal(given, expected, _DEPTH)

    async def _equal(self, given: str, expected: str, depth: int) -> bool:
        given, expected = given.strip(), expected.strip()
        if _same_text(given, expected) or _same_number(given, expected):
            return True
        if not given or depth == 0:
            return False
        if "pmatrix" in given and "pmatrix" not in expected:
            expected = _as_matrices(expected)
        if _without_brackets(given, expected):
            return True
        parts = _parts(given, expected)
        if parts is not None:
            return bool(parts) and await self._all_equal(parts, depth - 1)
        return await self._equal_expressions(given, expected, depth - 1)

    async def _all_equal(self, parts: list[tuple[str, str]], depth: int) -> bool:
        for given, expected in parts:
            if not await self._equal(given, expected, depth):
                return False
        return True

    async def _equal_expressions(self, given: str, expected: str, depth: int) -> bool:
        sides = given.split("="), expected.split("=")
        if len(sides[0]) == len(sides[1]) == 2:
            left, right = (f"({one.strip()}) - ({other.strip()})" for one, other in sides)
            return await self._equal_values(left, right) or await self._equal_values(f"-({left})", right)
        if len(sides[0]) == 2 and len(sides[1]) == 1 and len(sides[0][0].strip()) <= _NAME_CHARS:
            return await self._equal(sides[0][1], expected, depth)
        if len(sides[1]) == 2 and len(sides[0]) == 1 and len(sides[1][0].strip()) <= _NAME_CHARS:
            return await self._equal(given, sides[1][1], depth)
        return await self._equal_values(given, expected)

    async def _equal_values(self, given: str, expected: str) -> bool:
        relation = await self._algebra.relate(given, expected)
        if relation.equal:
            return True
        left, right = relation.left, relation.right
        return left is not None and right is not None and isclose(left, right, rel_tol=_CLOSE)


def _extracted(answer: str) -> str:
    """The normalised answer, without the colon before and the full stop or slash after it."""
    text = re.sub(r"\n\s*", "", answer)
    return normalise(text.removeprefix(":").removesuffix(".").removesuffix("/"))


def _same_text(given: str, expected: str) -> bool:
    if given.lower() == expected.lower():
        return True
    if expected not in _CHOICES:
        return False
    letters = re.findall(r"\b[A-E]\b", given.upper())
    return bool(letters) and letters[-1] == expected


def _same_number(given: str, expected: str) -> bool:
    a, b = _number(given), _number(expected)
    return a is not None and b is not None and any(isclose(one, a, rel_tol=_CLOSE) for one in (b / 100, b, b * 100))


def _number(text: str) -> float | None:
    """A number without commas; one in per cent is its hundredth part."""
    text = text.replace(",", "")
    try:
        return float(text)
    except ValueError:
        pass
    if not text.endswith("%"):
        return None
    try:
        return float(text.removesuffix("%").removesuffix("\\")) / 100
    except ValueError:
        return None


def _as_matrices(text: str) -> str:
    """Sets as column vectors, which is how matrices are written in some references."""
    found = [one[1:-1].replace(",", "\\") for one in _SET.findall(text)]
    return ", ".join(rf"\begin{{pmatrix}}{one}\end{{pmatrix}}" for one in found)


def _without_brackets(given: str, expected: str) -> bool:
    """Whether the texts are the same but for brackets; square and round ones around the whole may not contradict."""
    for opening, closing, other in (("[", "]", "()"), ("(", ")", "[]")):
        unlike = expected.startswith(other[0]) and expected.endswith(other[1])
        if given.startswith(opening) and given.endswith(closing) and not unlike:
            given, expected = given.strip("[]()"), expected.strip("[]()")
            break
    given, expected = (re.sub(r"[{}()]", "", text).lower() for text in (given, expected))
    return given == expected


def _parts(given: str, expected: str) -> list[tuple[str, str]] | None:
    """The items of two lists, or the cells of two matrices, in pairs; empty if they do not match, None if neither."""
    if _LIST.match(given) and _LIST.match(expected):
        items = given[1:-1].split(","), expected[1:-1].split(",")
        return list(zip(*items, strict=True)) if len(items[0]) == len(items[1]) else []
    matrices = _MATRIX.fullmatch(given), _MATRIX.fullmatch(expected)
    if matrices[0] is None or matrices[1] is None:
        return None
    a, b = ([row.split("&") for row in one["body"].split(r"\\") if row.strip()] for one in (matrices[0], matrices[1]))
    if [len(row) for row in a] != [len(row) for row in b]:
        return []
    return [pair for one, other in zip(a, b, strict=True) for pair in zip(one, other, strict=True)]
