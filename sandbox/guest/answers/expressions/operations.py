"""Operations that are evaluated only while their result stays small: an answer may ask for (10^9)! or 9^9^9."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import sympy  # type: ignore[import-untyped]
from sympy import Expr

from sandbox.guest.answers.expressions.tokens import UnreadError

_MAX_BITS = 40_000  # of the integers in a power's exact value
_MAX_EXPONENT = 10**6
_MAX_FACTORIAL = 3_000
_MAX_BINOMIAL = 20_000
Value = Any
"""A sympy expression or an immutable matrix."""


def power(base: Value, exponent: Value) -> Value:
    """`base` to the power of `exponent`. Raises UnreadError where the exact value would be too large to work with."""
    if not isinstance(exponent, Expr):
        raise UnreadError("an exponent is no number")
    if isinstance(base, sympy.MatrixBase):
        return _matrix_power(base, exponent)
    if base.is_Rational and exponent.is_Rational:
        bits = max(abs(base.p).bit_length(), base.q.bit_length()) * abs(Fraction(exponent.p, exponent.q))
        if base not in (-1, 0, 1) and bits > _MAX_BITS:
            raise UnreadError("a power is too large")
    elif exponent.is_Rational and abs(exponent) > _MAX_EXPONENT:
        raise UnreadError("an exponent is too large")
    return sympy.Pow(base, exponent)


def _matrix_power(base: Value, exponent: Expr) -> Value:
    if not exponent.is_Integer or abs(exponent) > 50 or base.rows != base.cols or base.rows > 6:
        raise UnreadError("a power of a matrix")
    try:
        return base**exponent
    except ValueError:  # it has no inverse
        raise UnreadError("a power of a matrix") from None


def multiply(left: Value, right: Value) -> Value:
    """The product. Raises UnreadError if shapes do not fit."""
    try:
        return left * right
    except (TypeError, ValueError, sympy.ShapeError):
        raise UnreadError("a product of matrices") from None


def add(left: Value, right: Value) -> Value:
    """The sum. Raises UnreadError if shapes do not fit."""
    if isinstance(left, sympy.MatrixBase) is not isinstance(right, sympy.MatrixBase):
        raise UnreadError("a sum of a matrix and a number")
    try:
        return left + right
    except (TypeError, ValueError, sympy.ShapeError):
        raise UnreadError("a sum of matrices") from None


def divide(left: Value, right: Value) -> Value:
    """The quotient. Raises UnreadError at a division by zero or by a matrix."""
    if isinstance(right, sympy.MatrixBase) or right == 0:
        raise UnreadError("a division by zero or by a matrix")
    return left / right if isinstance(left, Expr) else left * (1 / right)


def factorial(argument: Value) -> Value:
    """The factorial, evaluated for small integers. Raises UnreadError for large ones."""
    if argument.is_number and (not argument.is_Integer or not 0 <= argument <= _MAX_FACTORIAL):
        raise UnreadError("a factorial of no small natural number")
    return sympy.factorial(argument)


def double_factorial(argument: Value) -> Value:
    """n!!, the product of every second number. Raises UnreadError unless `n` is a small natural number."""
    if not argument.is_Integer or not 0 <= argument <= _MAX_FACTORIAL:
        raise UnreadError("a double factorial")
    return sympy.factorial2(argument)


def binomial(n: Value, k: Value) -> Value:
    """The number of ways to choose `k` of `n`. Raises UnreadError if it is too large."""
    if n.is_number and k.is_number:
        if not (n.is_Integer and k.is_Integer and 0 <= k <= _MAX_BINOMIAL and 0 <= n <= _MAX_BINOMIAL):
            raise UnreadError("a binomial coefficient of no small natural numbers")
        return sympy.binomial(n, k)
    return sympy.binomial(n, k, evaluate=False)


def permutations(n: Value, k: Value) -> Value:
    """The number of ways to order `k` of `n`. Raises UnreadError if it is too large."""
    return multiply(binomial(n, k), factorial(k))


def log(argument: Value, base: Value) -> Value:
    """The logarithm. Raises UnreadError where there is none."""
    if argument == 0 or base in (0, 1):
        raise UnreadError("a logarithm that does not exist")
    return sympy.log(argument) / sympy.log(base)


def _unary(function: Any) -> Callable[[Value], Value]:
    return lambda argument: function(argument)


_TRIGONOMETRIC = ("sin", "cos", "tan", "cot", "sec", "csc")
_HYPERBOLIC = ("sinh", "cosh", "tanh", "coth", "sech", "csch")
TRIGONOMETRIC = frozenset(f"\\{name}" for name in _TRIGONOMETRIC)
INVERSES = {f"\\{name}": f"\\arc{name}" for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)}
FUNCTIONS: dict[str, Callable[[Value], Value]] = (
    {f"\\{name}": _unary(getattr(sympy, name)) for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)}
    | {f"\\arc{name}": _unary(getattr(sympy, f"a{name}")) for name in (*_TRIGONOMETRIC, *_HYPERBOLIC)}
    | {f"\\ar{name}": _unary(getattr(sympy, f"a{name}")) for name in ("sinh", "cosh", "tanh")}
    | {
        r"\ln": lambda argument: log(argument, sympy.E),
        r"\exp": lambda argument: power(sympy.E, argument),
        r"\sgn": _unary(sympy.sign),
        r"\sign": _unary(sympy.sign),
        r"\floor": _unary(sympy.floor),
        r"\ceil": _unary(sympy.ceiling),
        r"\Re": _unary(sympy.re),
        r"\Im": _unary(sympy.im),
        r"\erf": _unary(sympy.erf),
    }
)
"""Functions of one argument, by command."""

LIST_FUNCTIONS: dict[str, Callable[..., Value]] = {
    r"\max": sympy.Max, r"\min": sympy.Min, r"\gcd": sympy.gcd, r"\lcm": sympy.lcm,
}  # fmt: skip
"""Functions of several arguments, by command."""
