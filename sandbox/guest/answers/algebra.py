"""How two expressions relate, for rules of judging that are not ours. Runs inside the jail, as `symbolic.py` does."""

from typing import Any

import sympy  # type: ignore[import-untyped]

from sandbox.guest.answers.expressions.equality import equal_expressions, numeric_value
from sandbox.guest.answers.expressions.reader import read_expression
from sandbox.guest.answers.expressions.tokens import UnreadError

UNKNOWN = "?"


def relate(left: str, right: str) -> str:
    """`equal|value|value`: True, False or `?`, and the real value of each as a float or `?`.

    Whatever is not read to its end is `?`, and so is an equality that algebra does not settle.
    """
    one, other = _read(left), _read(right)
    equal: Any = None
    if one is not None and other is not None:
        equal = equal_expressions(one, other)
    return "|".join(UNKNOWN if part is None else repr(part) for part in (equal, _value(one), _value(other)))


def _read(text: str) -> Any:
    """The expression, None if it is not read, is a matrix, or has a unit."""
    try:
        reading = read_expression(text)
    except UnreadError:
        return None
    return None if reading.unit or isinstance(reading.value, sympy.MatrixBase) else reading.value


def _value(expression: Any) -> float | None:
    if expression is None or expression.free_symbols:
        return None
    value = numeric_value(expression)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
