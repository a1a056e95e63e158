"""Whether two expressions are equal, on two independent grounds: their values at several points, and algebra.

Values that differ at one point where both exist disprove equality. Equality needs both grounds: equal values to 30
digits at every point, and a difference that algebra reduces to zero. Anything else is undecided.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]
from sympy import Expr, Symbol

from sandbox.guest.answers.expressions.evaluation import value_at

DIGITS = 30
POINTS = 5  # compared
CANDIDATES = 24  # tried, as either expression may not exist at many of them
_PRECISIONS = (DIGITS + 20, 4 * DIGITS + 20)  # the second for what cancels at the first
_SEED = 20240108


class Sample(NamedTuple):
    """A point where both expressions exist, with the values of the first and the second."""

    point: dict[Symbol, Expr]
    left: Any
    right: Any


def equal_expressions(left: Expr, right: Expr) -> bool | None:
    """Whether the expressions have the same value wherever both exist; None if the two grounds do not agree."""
    if left == right:
        return True
    if left.is_Rational and right.is_Rational:
        return False
    names = sorted(left.free_symbols | right.free_symbols, key=str)
    samples = list(islice(_samples(left, right, names), POINTS if names else 1))
    if any(not _agree(left, right, sample) for sample in samples):
        return False
    if not samples:
        return _without_values(left, right)
    return True if _reduces_to_zero(left, right, names, samples) else None


def numeric_value(value: Expr) -> Any:
    """The value of an expression without variables as mpmath's complex number; None if it has none."""
    return value_at(value, {}, _PRECISIONS[0])


def _samples(left: Expr, right: Expr, names: list[Symbol]) -> Iterator[Sample]:
    complex_allowed = left.has(sympy.I) or right.has(sympy.I)
    for point in _points(names):
        values = [value_at(side, point, _PRECISIONS[0]) for side in (left, right)]
        if None not in values and (complex_allowed or not names or all(_is_real(value) for value in values)):
            yield Sample(point, *values)


def _points(names: list[Symbol]) -> Iterator[dict[Symbol, Expr]]:
    """Random rationals of either sign, then positive ones, then natural numbers. Without names: one empty point."""
    random = Random(_SEED)  # noqa: S311 - repeatable on purpose
    for number in range(CANDIDATES if names else 1):
        kind = number // (CANDIDATES // 3)
        signs = (-1, 1) if kind == 0 else (1,)
        if kind == 2:
            yield {name: sympy.Integer(random.randint(1, 12)) for name in names}
        else:
            yield {name: sympy.Rational(random.choice(signs) * random.randint(101, 2999), 997) for name in names}


def _is_real(value: Any) -> bool:
    return not isinstance(value, mpmath.mpc) or abs(value.imag) <= mpmath.mpf(10) ** -DIGITS * (1 + abs(value.real))


def _same(left: Any, right: Any) -> bool:
    with mpmath.workdps(_PRECISIONS[1]):
        return bool(abs(left - right) <= mpmath.mpf(10) ** -DIGITS * max(abs(left), abs(right)))


def _agree(left: Expr, right: Expr, sample: Sample) -> bool:
    """Whether the values are the same at the higher precision, which is computed only if they may be."""
    if not _same(sample.left, sample.right) and not _may_cancel(sample):
        return False
    return _cancels(left, right, sample.point)


def _may_cancel(sample: Sample) -> bool:
    """Whether a difference of two values could be rounding: what cancels leaves values that are almost zero."""
    return bool(max(abs(sample.left), abs(sample.right)) < mpmath.mpf(10) ** -(DIGITS // 2))


def _cancels(left: Expr, right: Expr, point: dict[Symbol, Expr]) -> bool:
    """Whether the values agree at the higher precision too."""
    values = [value_at(side, point, _PRECISIONS[1]) for side in (left, right)]
    if None in values:
        return True
    with mpmath.workdps(_PRECISIONS[1]):
        size = max(abs(value) for value in values)
        return bool(abs(values[0] - values[1]) <= mpmath.mpf(10) ** -(2 * DIGITS) * (size if size > 1e-30 else 1))


def _reduces_to_zero(left: Expr, right: Expr, names: list[Symbol], samples: list[Sample]) -> bool:
    """Whether algebra shows that the difference is zero, for variables of the kind that the points had."""
    assumed = {name: _assumed(name, [sample.point[name] for sample in samples]) for name in names}
    difference = left.subs(assumed) - right.subs(assumed)
    return any(reduce(difference) == 0 for reduce in _REDUCTIONS) or bool(difference.equals(0))


def _assumed(name: Symbol, values: list[Expr]) -> Symbol:
    """The variable with what all points of the domain have in common: natural, positive or real values."""
    if all(value.is_Integer for value in values):
        return Symbol(name.name, integer=True, positive=True)
    if all(value > 0 for value in values):
        return Symbol(name.name, positive=True)
    return Symbol(name.name, real=True)


def _cancelled(difference: Expr) -> Expr:
    return sympy.cancel(sympy.together(difference))


def _denested(difference: Expr) -> Expr:
    return sympy.radsimp(sympy.sqrtdenest(difference))


def _without_extremes(difference: Expr) -> Expr:
    return sympy.simplify(difference.rewrite(sympy.Abs)) if difference.has(sympy.Max, sympy.Min) else difference


def _without_values(left: Expr, right: Expr) -> bool | None:
    """Infinities and the like, which have no value at any point."""
    if left in (sympy.oo, -sympy.oo) or right in (sympy.oo, -sympy.oo):
        return bool(left == right)
    return None


_REDUCTIONS: tuple[Callable[[Expr], Expr], ...] = (
    lambda difference: difference,
    sympy.expand,
    _cancelled,
    sympy.expand_complex,
    sympy.simplify,
    _denested,
    _without_extremes,
)
"""From the cheapest to the most expensive."""
