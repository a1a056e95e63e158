"""The rule of OCWCourses: numbers with units within a tolerance, equations side by side, expressions as Minerva's.

The rule of Lewkowycz et al. 2022 (arXiv 2206.14858) for its data set of undergraduate courses. The form of the
reference decides: a number, an equation, or an expression. In the published code no negative number equals itself,
since the tolerance is a share of the sum of both; here it is one of its absolute value.
"""

import re
from math import isclose

from eval.judging.minerva import MinervaRule
from eval.judging.rule import Algebra

_UNITS = (
    r"\mathrm{~kg} \cdot \mathrm{m} / \mathrm{s}", r"\mathrm{~g} / \mathrm{mol}", r"\mathrm{~g}", r"\mathrm{m/s}",
    r"\text{ m/s}", r"\mathrm{m}", r"\mathrm{~m}", r"\mathrm{s}", r"\mathrm{~s}", r"\mathrm{cm}", r"\mathrm{~cm}",
    "eV", "kg m/s", "kg*m/s", "kg", "m/s", "m / s", "m s^{-1}", "g/mole", "g/mol", "W", "erg/s", "years", "year", "cm",
)  # fmt: skip
"""What is removed, in this order. The published list has `cm` before the form in braces, which that then breaks."""

_PYTHON_POWER = re.compile(r"\*\*\s*(-?[0-9]+)")
_SMALL, _NEAR_ZERO = 1e-8, 0.01
_CLOSE = 1e-5


class OcwRule:
    """The rule of OCWCourses."""

    def __init__(self, algebra: Algebra) -> None:
        self._algebra = algebra
        self._of_expressions = MinervaRule(algebra)

    async def is_right(self, reference: str, answer: str) -> bool:
        """Whether an answer is right where `reference` is."""
        expected = _as_float(reference)
        if expected is not None:
            given = await self._value(answer)
            return given is not None and same_number(given, expected)
        if "=" in reference:
            return await self._same_equation(reference, answer)
        return await self._of_expressions.is_right(reference, answer)

    async def _value(self, answer: str) -> float | None:
        """The number that an answer gives, without its unit; a product or a power of ten is computed."""
        text = without_units(answer)
        plain = _as_float(text)
        if plain is not None:
            return plain
        return (await self._algebra.relate(_PYTHON_POWER.sub(r"^{\1}", text), "0")).left

    async def _same_equation(self, reference: str, answer: str) -> bool:
        sides = [[side.strip() for side in _bare(text).split("=")] for text in (reference, answer)]
        if len(sides[0]) != 2 or len(sides[1]) != 2:
            return False
        for expected, given in zip(*sides, strict=True):
            if expected != given and not (await self._algebra.relate(expected, given)).equal:
                return False
        return True


def same_number(given: float, expected: float) -> bool:
    """Whether numbers are equal: up to rounding or, if one or their difference is almost 0, up to 1 % of their mean."""
    if given == expected:
        return True
    if min(abs(given), abs(expected), abs(given - expected)) <= _SMALL:
        return abs(given - expected) < _NEAR_ZERO * abs(given + expected) / 2
    return isclose(given, expected, rel_tol=_CLOSE, abs_tol=_SMALL)


def without_units(text: str) -> str:
    """An answer without the units of the data set's solutions, and without dollars."""
    for unit in _UNITS:
        text = text.replace(unit, "").strip()
    return text.strip("$").strip()


def _bare(text: str) -> str:
    text = text.strip().removeprefix("\\[").removesuffix("\\]")
    return text.replace(r"\left(", "(").replace(r"\right)", ")").strip("$")


def _as_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
