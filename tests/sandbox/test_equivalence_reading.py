"""Expressions are read to their last token or not at all, and are equal only on two grounds."""

import pytest
import sympy

from sandbox.guest.answers.expressions.equality import equal_expressions
from sandbox.guest.answers.expressions.reader import read_expression
from sandbox.guest.answers.expressions.tokens import UnreadError
from sandbox.guest.answers.symbolic import DISAGREEMENT, UNREAD, readable, same

x, y, n = sympy.symbols("x y n")
READ = [
    (r"1-\frac{1}{\mathrm{e}}", 1 - 1 / sympy.E),
    (r"2\frac12", sympy.Rational(5, 2)),
    (r"\frac12x", x / 2),
    ("1/2x", x / 2),
    (r"\log_28", 3),
    (r"\sin 2x \cos y", sympy.sin(2 * x) * sympy.cos(y)),
    (r"\sin^{-1} x", sympy.asin(x)),
    (r"||x|-2|y", sympy.Abs(sympy.Abs(x) - 2) * y),
    (r"\sqrt[3]{-8}", -2),
    (r"0.1\overline{6}", sympy.Rational(1, 6)),
    (r"{10 \choose 3} + C_5^2", 130),
    ("x^2^n", x ** (2**n)),
    ("-x^2", -(x**2)),
]
UNREADABLE = [
    "1,2", "x+", "(x", "x)", r"\frac{1}{", "2 3", r"1+\ldots", r"\foo x", "apples", "x?", r"x \text{ if } y", r"\pm 1",
    "1:2:3", "10^{10^{10}}", "(10^9)!", "9^{9^9}", r"\frac{1}{0}", "(" * 200 + "x" + ")" * 200, "x" + "^x" * 100,
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), READ)
def test_an_expression_is_read(text: str, value: sympy.Expr) -> None:
    assert sympy.simplify(read_expression(text).value - value) == 0


@pytest.mark.parametrize("text", UNREADABLE)
def test_what_is_not_understood_to_its_end_is_not_read(text: str) -> None:
    with pytest.raises(UnreadError):
        read_expression(text)


def test_equal_values_without_a_proof_are_undecided() -> None:
    assert equal_expressions(sympy.atan(2) + sympy.atan(3), 3 * sympy.pi / 4) is None
    assert same(r"\arctan 2 + \arctan 3", r"\frac{3\pi}{4}") == DISAGREEMENT


def test_the_domain_decides_which_points_are_compared() -> None:
    assert equal_expressions(sympy.sqrt(1 / n), 1 / sympy.sqrt(n)) is True
    assert equal_expressions(sympy.sqrt(x**2), x) is False
    assert equal_expressions(sympy.cos(n * sympy.pi), (-1) ** n) is True


def test_a_difference_in_the_fortieth_digit_is_seen() -> None:
    assert equal_expressions(x, x + sympy.Rational(1, 10**40)) is False


def test_what_is_not_read_is_equal_to_its_own_text_alone() -> None:
    assert same(r"\sum_{k=1}^{n} k", r"\sum_{k=1}^n k") == "equal"
    assert same(r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{n} k^2") == "different"
    assert same(r"\prod_{k=1}^n k", r"\sum_{k=1}^n k") == UNREAD


def test_a_reference_is_readable_if_it_is_read_or_compared_part_by_part() -> None:
    for text in ("42", r"\frac{x}{2}", "(1, x+1)", r"[0,1)\cup\{2\}", r"x \equiv 3 \pmod 7", "even", "x = 2y"):
        assert readable(text), text
    for text in (r"\frac{1}{", r"\foo", r"1+\ldots+n"):
        assert not readable(text), text
