"""Numbers in text, and the values of expressions as LaTeX, Python and sympy write them."""

import ast
import cmath
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from zlib import crc32

from sandbox.guest.answers.quantities import read_number, within_tolerance
from store.solutions.normal_form import NO_PROGRAM

MAX_NUMBERS = 400  # of one text
_EXPRESSION_CHARS = 200
_DIGITS = 60  # longer numbers are compared as text

# No exponents, and no digits within a name: the 2 of `x**2` and of `x2` is not a result.
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]}])-|(?<=\d)\s-\s?)?(?<![\w.^])(?<!\*\*)(?<!\^\{)"
    r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+|\.(?!\d))?(?:[eE][-+]?\d{1,3})?(?:\s?/\s?\d+)?(?![\w^]|\.\d)"
    r"|(?<![\w.)])-?\.\d+"
)
_PLAIN = re.compile(r"-?\d{1,60}(?:\.\d{0,60})?")


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it was written. `decimals`: the digits after the point."""

    value: Fraction
    decimals: int = 0

    @property
    def rounded(self) -> bool:
        """Whether it was written with decimals, so that it may be an approximation."""
        return self.decimals > 0

    def __complex__(self) -> complex:
        try:
            return complex(self.value)
        except OverflowError:
            return complex(math.inf)


def numbers_in(text: str) -> Iterator[Number]:
    """The numbers of a text in their order, at most `MAX_NUMBERS`."""
    for count, found in enumerate(_NUMBER.finditer(text)):
        if count >= MAX_NUMBERS:
            return
        number = as_number(found.group().replace(" ", "").rstrip("."))
        if number is not None:
            yield number


def as_number(text: str) -> Number | None:
    """The number that a text consists of, else None."""
    if _PLAIN.fullmatch(text):
        whole, _, decimals = text.partition(".")
        return Number(Fraction(int(whole + decimals), 10 ** len(decimals)), len(decimals))
    value = read_number(text) if len(text) <= 2 * _DIGITS else None
    return None if value is None else Number(value, len(text.partition(".")[2]))


def same_number(expected: Number, given: Number) -> bool:
    """Whether two numbers are equal, within the tolerance of answers where one may be rounded."""
    if expected.value == given.value:
        return True
    return (expected.rounded or given.rounded) and within_tolerance(expected.value, given.value)


# ---------------------------------------------------------------- expressions

_FUNCTIONS: dict[str, Callable[[complex], complex]] = {
    "sqrt": cmath.sqrt, "exp": cmath.exp, "log": cmath.log, "ln": cmath.log, "sin": cmath.sin, "cos": cmath.cos,
    "tan": cmath.tan, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan, "Abs": abs, "abs": abs,
}  # fmt: skip
_CONSTANTS: dict[str, complex] = {"pi": math.pi, "e": math.e, "E": math.e, "i": 1j, "I": 1j}
_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\s*(?:\[\s*(\d+)\s*\])?\s*\{([^{}]*)\}")
_GROUPED = re.compile(r"(\^\s*)\{([^{}]*)\}")
_REWRITTEN = (
    (re.compile(r"\^\s*(?:\(\\circ\)|\\circ)|\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[,;:! ]|\$|°"), ""),
    (re.compile(r"\\cdot|\\times|·|×"), "*"),
    (re.compile(r"\\pi|π"), " pi "),
    (re.compile(r"\\(sin|cos|tan|ln|log|exp)(?![a-zA-Z])"), r"\1"),
    (re.compile(r"\^"), "**"),
)
_RUN = re.compile(r"[A-Za-z]+\d*")
_JUXTAPOSED = re.compile(r"(?<=[\d)])\s*(?=[A-Za-z(])|(?<=\))\s*(?=\d)|(?<=[A-Za-z])\s+(?=[A-Za-z\d(])")
_OPERATORS: dict[type[ast.operator], Callable[[complex, complex], complex]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


def evaluate(text: str) -> complex | None:
    """The value of an expression; None if it is none. Names get fixed values, so that equal formulas are equal.

    Nothing is executed: the expression is parsed, and arithmetic and a few functions are applied to its floats.
    """
    if not text or len(text) > _EXPRESSION_CHARS:
        return None
    written = _as_python(text)
    if "\\" in written or len(written) > 2 * _EXPRESSION_CHARS:
        return None
    try:
        value = _evaluate(ast.parse(written.strip(), mode="eval").body)
    except (*NO_PROGRAM, ArithmeticError, TypeError):
        return None
    return value if value is not None and cmath.isfinite(value) else None


def same_value(a: complex, b: complex, tolerance: float = 1e-9) -> bool:
    """Whether two values are equal up to a relative tolerance."""
    return cmath.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)


def _as_python(text: str) -> str:
    previous = None
    while previous != text and len(text) < 2 * _EXPRESSION_CHARS:
        previous = text
        text = _GROUPED.sub(r"\1(\2)", text)
        text = _ROOT.sub(lambda found: f"(({found[2]})**(1/{found[1] or 2}))", text)
        text = _FRACTION.sub(r"((\1)/(\2))", text)
    for pattern, written in _REWRITTEN:
        text = pattern.sub(written, text)
    return _JUXTAPOSED.sub("*", _RUN.sub(_named, text))


def _named(found: re.Match[str]) -> str:
    """A known name, or a product of single letters."""
    name = found.group()
    if name in _FUNCTIONS:
        return name
    return name if name in _CONSTANTS or name[-1].isdigit() else "(" + "*".join(name) + ")"


def _evaluate(node: ast.expr) -> complex | None:
    match node:
        case ast.Constant(value=int() | float() as number):
            return complex(number)
        case ast.Name(id=name):
            return _CONSTANTS.get(name, 0.6 + crc32(name.encode()) % 1009 / 1013)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _evaluate(operand)
            return -value if value is not None and isinstance(sign, ast.USub) else value
        case ast.BinOp(left=first, op=operator, right=second) if type(operator) in _OPERATORS:
            left, right = _evaluate(first), _evaluate(second)
            return None if left is None or right is None else _OPERATORS[type(operator)](left, right)
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _FUNCTIONS:
            inside = _evaluate(argument)
            return None if inside is None else complex(_FUNCTIONS[name](inside))
    return None
