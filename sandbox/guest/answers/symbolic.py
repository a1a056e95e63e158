"""Compares two expressions with math-verify. Imported by a warm parent inside the jail: sympy evaluates what it parses,
so an answer that a model wrote is as dangerous as a block of code.
"""

import logging
import re
from fractions import Fraction

import sympy  # type: ignore[import-untyped]
from math_verify import parse, verify

from sandbox.guest.answers.comparison import compare
from sandbox.guest.answers.notation import final_answer, normalise
from sandbox.guest.answers.prose import for_extraction, is_prose
from sandbox.guest.answers.quantities import within_tolerance

logging.disable(logging.CRITICAL)

_DECIMAL = re.compile(r"[0-9]?\.[0-9]")
_DEGREE = re.compile(r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ)")
_PRECISION = 30
_SMALL = Fraction(1, 1000)
_FUNCTIONS = "sin|cos|tan|cot|sec|csc|log|exp|ln|pi|mod|lim"
_MONOMIAL = re.compile(rf"(?<![a-zA-Z\\{{0-9.])([0-9]+)(?!(?:{_FUNCTIONS})(?![a-z]))([a-z]{{2,3}})(?![a-zA-Z({{])")
"""Letters after a number, which math-verify drops if they name a unit: it would read 2ab and 2bc as 2."""
_LAST_VARIABLE = re.compile(r"(?<![a-zA-Z\\])([a-zA-Z])$")
_COMMAND = re.compile(r"\\(?!cdot|times)[a-zA-Z]+")
_IN_A_TERM = re.compile(r"[0-9}]$|[a-zA-Z*+=^\\]")


def same(expected: str, given: str) -> bool | None:
    """Whether the answers are equal; None if one of them cannot be parsed."""
    verdict = compare(final_answer(expected), final_answer(given), compare_expressions)
    if verdict is None:
        return _verified(_read(normalise(expected)), _read(normalise(given)))
    return verdict


def compare_expressions(expected: str, given: str) -> bool | None:
    """Compare with math-verify; if it finds a difference, check whether rounding, `i` or degrees explain it."""
    golds, targets = _read(expected), _read(given)
    verdict = _verified(golds, targets)
    left, right = _number(golds), _number(targets)
    rounded = bool(_DECIMAL.search(expected) or _DECIMAL.search(given))
    if verdict is not False:
        return verdict and not (left is not None and right is not None and _small_and_apart(left, right))
    if left is None or right is None:
        return _in_radians(expected, right)
    return _near(left, right) if rounded else bool(sympy.expand(left - right) == 0) or _in_radians(expected, right)


def _verified(golds: list[object], targets: list[object]) -> bool | None:
    if not golds or not targets:
        return None
    return bool(verify(golds, targets, timeout_seconds=None, raise_on_error=True))


def _read(answer: str) -> list[object]:
    """Parse with math-verify, which finds LaTeX between dollars or in a box, and plain expressions anywhere."""
    text = _MONOMIAL.sub(lambda found: found[1] + _variables(found[2]), for_extraction(answer)).replace(r"\$", "")
    if "$" not in text and "\\boxed" not in text and not is_prose(text):
        text = f"${_with_last_variable(text)}$"
    read: list[object] = parse(text, parsing_timeout=None)
    return read


def _with_last_variable(text: str) -> str:
    """Mark a letter at the end that math-verify would drop as a unit: the t of `x + 2t`, not the m of `5 m`."""
    found = _LAST_VARIABLE.search(text)
    if found is None or not _IN_A_TERM.search(_COMMAND.sub("", text[: found.start()])):
        return text
    return text[: found.start()] + _variables(found[1])


def _variables(letters: str) -> str:
    return "".join(f"{{{letter}}}" for letter in letters)


def _number(read: list[object]) -> sympy.Expr | None:
    """The numeric value of a parsed answer, if it has one; a lone `i` is the imaginary unit."""
    value = next((item for item in read if isinstance(item, sympy.Basic)), None)
    if not isinstance(value, sympy.Expr):
        return None
    names = value.free_symbols
    if {str(name) for name in names} == {"i"}:
        value = value.subs(dict.fromkeys(names, sympy.I))
    return value if value.is_number else None


def _small_and_apart(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two small numbers differ: math-verify rounds to six places, at which they may all be equal."""
    a, b = (_fraction(value.evalf(_PRECISION)) for value in (left, right))
    if a is None or b is None:
        return False
    size = max(abs(a), abs(b))
    return size < _SMALL and abs(a - b) > _SMALL * size


def _near(expected: sympy.Expr, given: sympy.Expr) -> bool:
    """Whether the real and the imaginary part are each within the tolerance."""
    left, right = (value.evalf(_PRECISION).as_real_imag() for value in (expected, given))
    parts = [tuple(map(_fraction, pair)) for pair in zip(left, right, strict=True)]
    return all(a is not None and b is not None and within_tolerance(a, b) for a, b in parts)


def _fraction(value: sympy.Expr) -> Fraction | None:
    return Fraction(str(value)) if value.is_Float or value.is_Rational else None


def _in_radians(expected: str, given: sympy.Expr | None) -> bool:
    """Whether `given` is, in radians, the angle that `expected` has in degrees."""
    if given is None or not given.has(sympy.pi) or not _DEGREE.search(expected):
        return False
    degrees = _number(_read(_DEGREE.sub("", expected)))
    return degrees is not None and sympy.simplify(degrees * sympy.pi / 180 - given) == 0


# The first parse builds the grammar's tables: do it once here, not in every child.
for _expected, _given in (
    (r"\frac{1}{2} x", "0.5 x"),
    (r"\{x, 2\}", r"\sqrt{2} + x^2"),
    ("(1, 2] \\cup (3, 4)", r"\begin{vmatrix} 1 \\ 2 \end{vmatrix}"),
    (r"x \geq 3", "x + y = 4"),
    (r"\sqrt{3}", "1.7320"),
):
    same(_expected, _given)
