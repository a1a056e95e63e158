"""The numeric value of an expression, computed with mpmath alone: a ground that is independent of sympy's algebra."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import mpmath  # type: ignore[import-untyped]
import sympy  # type: ignore[import-untyped]
from sympy import Expr, Symbol
from sympy.core.function import AppliedUndef  # type: ignore[import-untyped]

Point = Mapping[Symbol, Any]
"""A rational value for each variable."""

_FUNCTIONS: dict[type, Callable[..., Any]] = {
    getattr(sympy, name): getattr(mpmath, name)
    for name in (
        *("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "acot", "asec", "acsc"),
        *("sinh", "cosh", "tanh", "coth", "sech", "csch", "asinh", "acosh", "atanh", "acoth", "asech", "acsch"),
        *("exp", "log", "floor", "gamma", "factorial", "binomial", "erf", "re", "im", "sign"),
    )
} | {sympy.Abs: abs, sympy.ceiling: mpmath.ceil, sympy.Max: max, sympy.Min: min}
_CONSTANTS = {sympy.pi: "pi", sympy.E: "e", sympy.I: "j", sympy.GoldenRatio: "phi"}
_FAILURES = (ArithmeticError, ValueError, TypeError, mpmath.libmp.libhyper.NoConvergence)


def value_at(expression: Expr, point: Point, digits: int) -> Any:
    """The value with at least `digits` decimal digits of working precision; None if there is none at this point."""
    with mpmath.workdps(digits):
        try:
            value = mpmath.mpmathify(_evaluate(expression, point))
            return value if mpmath.isfinite(value) else None
        except _FAILURES:
            return None


def _evaluate(expression: Expr, point: Point) -> Any:
    """Raises one of _FAILURES where a part has no value."""
    if expression.is_Rational:
        return mpmath.mpf(expression.p) / expression.q
    if expression in _CONSTANTS:
        return getattr(mpmath, _CONSTANTS[expression]) * 1
    if isinstance(expression, Symbol):
        return mpmath.mpf(point[expression].p) / point[expression].q
    if isinstance(expression, AppliedUndef):
        return _arbitrary(expression, point)
    arguments = [_evaluate(argument, point) for argument in expression.args]
    if expression.is_Add:
        return mpmath.fsum(arguments)
    if expression.is_Mul:
        return mpmath.fprod(arguments)
    if expression.is_Pow:
        return mpmath.power(*arguments)
    function = _FUNCTIONS.get(expression.func)
    if function is None:
        raise ValueError(f"{expression.func} has no numeric value")
    return function(*arguments)


def _arbitrary(call: AppliedUndef, point: Point) -> Any:
    """A value for `f(x)` that is the same whenever the function and its arguments' values are."""
    key = [call.func.__name__, *(mpmath.nstr(mpmath.mpmathify(_evaluate(x, point)), 15) for x in call.args)]
    return mpmath.mpf(Random(repr(key)).randint(101, 2999)) / 997  # noqa: S311 - repeatable on purpose
