"""Compares two values as answers: with their units, degrees and rounding."""

from fractions import Fraction
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]
from sympy import Expr

from sandbox.guest.answers.expressions.equality import equal_expressions, numeric_value
from sandbox.guest.answers.expressions.reader import DEGREE, Reading
from sandbox.guest.answers.matching import all_equal
from sandbox.guest.answers.quantities import within_tolerance

_RADIANS = sympy.pi / 180


def equal_readings(expected: Reading, given: Reading) -> bool | None:
    """Whether two values are equal as answers; None if it is not decided.

    Numbers with decimals are equal within the tolerance of quantities. Of two known units both must measure the same;
    a missing one is ignored. Degrees count as degrees on both sides, and against a number without a sign as either.
    """
    left, right = expected.value, given.value
    if expected.unit and given.unit:
        if expected.unit[0] != given.unit[0]:
            return False
        left, right = left * _size(expected), right * _size(given)
    if isinstance(left, sympy.MatrixBase) or isinstance(right, sympy.MatrixBase):
        return _equal_matrices(expected, given)
    rounded = expected.rounded or given.rounded
    verdicts = [_equal(one, other, rounded=rounded) for one, other in _with_degrees(left, right)]
    return True if True in verdicts else None if None in verdicts else False


def _size(reading: Reading) -> sympy.Rational:
    assert reading.unit is not None
    return sympy.Rational(reading.unit[1].numerator, reading.unit[1].denominator)


def _equal_matrices(expected: Reading, given: Reading) -> bool | None:
    if getattr(expected.value, "shape", None) != getattr(given.value, "shape", None):
        return False
    verdicts = [
        equal_readings(Reading(x, expected.rounded), Reading(y, given.rounded))
        for x, y in zip(expected.value, given.value, strict=True)
    ]
    return all_equal(verdicts)


def _with_degrees(left: Expr, right: Expr) -> list[tuple[Expr, Expr]]:
    """The pairs to compare: where only one side has a degree sign, the other may be in degrees or in radians."""
    if left.has(DEGREE) and right.has(DEGREE):
        return [(left.subs(DEGREE, 1), right.subs(DEGREE, 1))]
    if left.has(DEGREE):
        return [(left.subs(DEGREE, 1), right), (left.subs(DEGREE, _RADIANS), right)]
    if right.has(DEGREE):
        pairs = [(left, right.subs(DEGREE, 1))]
        return [*pairs, (left, right.subs(DEGREE, _RADIANS))] if left.has(sympy.pi) else pairs
    return [(left, right)]


def _equal(left: Expr, right: Expr, *, rounded: bool) -> bool | None:
    if rounded and not left.free_symbols and not right.free_symbols:
        return _near(numeric_value(left), numeric_value(right))
    return equal_expressions(left, right)


def _near(expected: Any, given: Any) -> bool | None:
    """Whether the real and the imaginary part are each within the tolerance."""
    if expected is None or given is None:
        return None
    a, b = mpmath.mpmathify(expected), mpmath.mpmathify(given)
    return all(within_tolerance(_fraction(x), _fraction(y)) for x, y in ((a.real, b.real), (a.imag, b.imag)))


def _fraction(value: Any) -> Fraction:
    """The exact value, but for the rounding of a number that is an integer or zero to 40 digits."""
    numerator, denominator = mpmath.libmp.to_rational(value._mpf_)
    exact = Fraction(int(numerator), int(denominator))
    nearest = round(exact)
    return Fraction(nearest) if abs(exact - nearest) < Fraction(1, 10**40) else exact
