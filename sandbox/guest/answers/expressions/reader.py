"""Reads an expression from its tokens to the last one: a Pratt parser whose results are sympy's expressions.

What the grammar does not cover raises UnreadError, so that two expressions are never compared by what could be read of
them. Conventions: `e` and `i` are the constants; `f`, `g`, `h`, `F`, `G`, `H` and `O` before a bracket are functions,
other letters are factors; `a/bc` is (a/b)c; a number before a fraction of two smaller numbers is a mixed number.
"""

from collections.abc import Callable
from typing import NamedTuple

import sympy  # type: ignore[import-untyped]
from sympy import I, Integer, Rational, Symbol

from sandbox.guest.answers.expressions import operations as op
from sandbox.guest.answers.expressions import structures
from sandbox.guest.answers.expressions.cursor import Grammar
from sandbox.guest.answers.expressions.operations import Value
from sandbox.guest.answers.expressions.tokens import END, Token, UnreadError, tokenize
from sandbox.guest.answers.units import Unit

DEGREE = Symbol("degree", positive=True)
"""The factor that `^\\circ` stands for: one, or pi/180 where it matters."""

_FUNCTION_LETTERS = frozenset("fghFGHO")
_CLOSING = {"(": ")", "[": "]", "{": "}", r"\{": r"\}"}
_TIMES = frozenset((r"\cdot", r"\times"))
_OVER = frozenset(("/", r"\div", ":"))
_ENDS_IMPLICIT = frozenset((
    "+", "-", "/", ":", ",", ";", "=", "<", ">", ")", "]", "}", "^", "_", "!", "&", "'", r"\cdot", r"\times", r"\div",
    r"\le", r"\ge", r"\ne", r"\approx", r"\}", r"\\", r"\choose", r"\rfloor", r"\rceil", r"\%", r"\circ", r"\pm",
    r"\mp",
))  # fmt: skip
_GREEK_NAMES = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi omega
Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell hbar
"""
_GREEK = frozenset("\\" + name for name in _GREEK_NAMES.split())
_ROUNDED_BRACKETS = {r"\lfloor": (r"\rfloor", sympy.floor), r"\lceil": (r"\rceil", sympy.ceiling)}


class Reading(NamedTuple):
    """An expression. `rounded`: a number in it has decimals. `unit`: the unit after it, if there is a known one."""

    value: Value
    rounded: bool = False
    unit: Unit | None = None


def read_expression(text: str) -> Reading:
    """Read all of `text`. Raises UnreadError if any token of it is not part of one expression."""
    return read_tokens(tokenize(text))


def read_tokens(tokens: list[Token]) -> Reading:
    """Read all of the tokens, of which the last is the end token. Raises UnreadError."""
    reader = ExpressionReader(tokens)
    try:
        value = reader.whole()
    except (RecursionError, OverflowError, ZeroDivisionError, TypeError, ValueError) as error:
        raise UnreadError(str(error)) from error
    if not isinstance(value, sympy.MatrixBase) and value.has(sympy.nan, sympy.zoo):
        raise UnreadError("it has no value")
    return Reading(value, reader.rounded, reader.unit)


class ExpressionReader(Grammar):
    """Each method reads one level of the grammar, from the loosest binding to the tightest. All raise UnreadError."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._bars: list[int] = []  # the depth of each open |
        self.rounded = False
        self.unit: Unit | None = None

    def whole(self) -> Value:
        """The expression, with a unit after it, that all tokens are."""
        value = self.sum()
        self.unit = structures.read_unit_after(self)
        self.expect_end()
        return value

    # Sums, products, powers

    def sum(self) -> Value:
        """Terms with signs between them."""
        return self.nested(self._sum_of_products)

    def _sum_of_products(self) -> Value:
        value = self._signed(self._product)
        while self.is_sign("+", "-"):
            negative = self.take().text == "-"
            term = self._signed(self._product)
            value = op.add(value, -term if negative else term)
        return value

    def _signed(self, read: Callable[[], Value]) -> Value:
        negative = False
        while self.is_sign("+", "-"):
            negative ^= self.take().text == "-"
        value = read()
        return -value if negative else value

    def _product(self) -> Value:
        value = self._factor()
        while True:
            if self.accept(*_TIMES):
                value = op.multiply(value, self._signed(self._factor))
            elif self.is_sign(":") and ":" in self.texts(len(self._tokens))[1:]:
                self.refuse(self.next, "a ratio of two terms")
            elif self.accept(*_OVER):
                value = op.divide(value, self._signed(self._factor))
            elif self._starts_factor():
                value = self._juxtaposed(value)
            else:
                return value

    def _starts_factor(self) -> bool:
        token = self.next
        if token is END or token.kind == "text" or token.text in _ENDS_IMPLICIT:
            return False
        if token.text.startswith(r"\end"):
            return False
        return token.text != "|" or not (self._bars and self._bars[-1] == self.depth)

    def _juxtaposed(self, value: Value) -> Value:
        """A product without a sign, or a mixed number. Two numbers side by side are neither."""
        if self.next.kind in ("number", "repeating") and self.previous.kind in ("number", "repeating"):
            raise UnreadError("two numbers side by side")
        whole = value.is_Integer and self.previous.kind == "number" and self.next.text == r"\frac"
        factor = self._factor()
        if whole and factor.is_Rational and 0 < factor < 1:
            return value + factor if value >= 0 else value - factor
        return op.multiply(value, factor)

    def _factor(self) -> Value:
        return self.nested(lambda: self._postfixes(self._atom()))

    def _postfixes(self, value: Value) -> Value:
        while True:
            if self.is_sign("^"):
                self.take()
                value = value * DEGREE if self._takes_circle() else op.power(value, self.script())
            elif self.accept("!"):
                value = op.double_factorial(value) if self.accept("!") else op.factorial(value)
            elif self.accept(r"\%"):
                value = value / 100
            elif self.accept(r"\circ"):
                value = value * DEGREE
            else:
                return value

    def _takes_circle(self) -> bool:
        if self.accept(r"\circ"):
            return True
        if self.texts(3) == ["{", r"\circ", "}"]:
            self.position += 3
            return True
        return False

    def script(self) -> Value:
        """An exponent or a base: a group, or one token with its sign."""
        return self.nested(self._script_inside)

    def _script_inside(self) -> Value:
        if self.accept("-"):
            return -self.script()
        if self.accept("{"):
            return self.closed("}")
        value = self._atom()
        if self.is_sign("^"):  # Python's powers, from the right
            self.take()
            return op.power(value, self.script())
        return value

    def closed(self, closing: str) -> Value:
        """The expression up to `closing`, `n \\choose k` included."""
        value = self.sum()
        if self.accept(r"\choose"):
            value = op.binomial(value, self.sum())
        self.expect(closing)
        return value

    # Atoms

    def _atom(self) -> Value:
        token = self.take()
        match token.kind:
            case "number":
                self.rounded = self.rounded or "." in token.text
                return Rational(token.text) if token.text.strip(".") else self.refuse(token)
            case "repeating":
                return structures.read_repeating(token.text)
            case "letter":
                return self._letter(token.text)
            case "name":
                return Symbol(token.text + structures.read_subscript(self))
            case "command":
                return self._command(token.text)
            case "sign":
                return self._bracketed(token)
        return self.refuse(token)

    def _bracketed(self, token: Token) -> Value:
        if token.text == "|":
            self._bars.append(self.depth + 1)  # where the sum between the bars looks for its next factor
            value = self.sum()
            self._bars.pop()
            self.expect("|")
            return sympy.Abs(value)
        if token.text == "{" and self.texts(2) == ["}", "_"]:
            return structures.read_prescripted(self)
        if token.text in _CLOSING:
            return self.closed(_CLOSING[token.text])
        return self.refuse(token)

    def _letter(self, letter: str) -> Value:
        if (count := structures.read_count(self, letter)) is not None:
            return count
        name = letter + structures.read_subscript(self)
        if letter in _FUNCTION_LETTERS and (applied := self._application(name)) is not None:
            return applied
        return {"e": sympy.E, "i": I}.get(name) or Symbol(name)

    def _application(self, name: str) -> Value | None:
        """`f(x)` or `f^{-1}(x)`; None if no bracket follows the function's letter."""
        start = self.position
        if self.texts(5) == ["^", "{", "-", "1", "}"]:
            self.position += 5
            name += "^-1"
        if self.next.text != "(":
            self.position = start
            return None
        self.take()
        return sympy.Function(name)(*self._arguments())

    def _arguments(self) -> list[Value]:
        arguments = [self.sum()]
        while self.accept(","):
            arguments.append(self.sum())
        self.expect(")")
        return arguments

    # Commands

    def _command(self, name: str) -> Value:
        if name == r"\pi":
            return sympy.pi
        if name == r"\infty":
            return sympy.oo
        if name in _GREEK:
            return Symbol(name[1:] + structures.read_subscript(self))
        if name in _ROUNDED_BRACKETS:
            closing, function = _ROUNDED_BRACKETS[name]
            return function(self.closed(closing))
        if name in op.LIST_FUNCTIONS:
            self.expect("(")
            return op.LIST_FUNCTIONS[name](*self._arguments())
        if name in op.FUNCTIONS or name == r"\log":
            return self._applied(name)
        return self._structure(name)

    def _structure(self, name: str) -> Value:
        if name == r"\frac":
            return op.divide(self.argument(), self.argument())
        if name == r"\binom":
            return op.binomial(self.argument(), self.argument())
        if name == r"\sqrt":
            return self._root()
        if name.startswith(r"\begin"):
            return structures.read_matrix(self, name)
        raise UnreadError(f"{name} is not understood")

    def argument(self) -> Value:
        """The argument of a command: a group, or one token; of a number its first digit, as in TeX."""
        if self.accept("{"):
            return self.closed("}")
        token = self.next
        if token.kind == "number" and token.text.isdecimal() and len(token.text) > 1:
            self.replace_next(Token("number", token.text[1:]))
            return Integer(int(token.text[0]))
        return self._atom()

    def _root(self) -> Value:
        index = Integer(2)
        if self.accept("["):
            index = self.closed("]")
        if self.accept("("):  # 4\sqrt(2), as in a program
            radicand = self.closed(")")
        else:
            radicand = self.argument() if self.next.kind != "number" else self._atom()
        if radicand.is_negative and index.is_odd:  # the real root
            return -op.power(-radicand, 1 / index)
        return op.power(radicand, op.divide(Integer(1), index))

    def _applied(self, name: str) -> Value:
        """A function with its exponent, its base and its argument."""
        exponent, base = None, None
        while self.is_sign("^", "_"):
            if self.take().text == "^":
                exponent = self.script()
            else:
                base = self.subscript_value()
        if exponent == -1 and name in op.INVERSES:
            name, exponent = op.INVERSES[name], None
        argument = self._function_argument()
        value = self._value_of(name, argument, base)
        return value if exponent is None else op.power(value, exponent)

    def subscript_value(self) -> Value:
        """A subscript with a value: a group or one token, which is the first digit of a number of two, as in TeX."""
        if self.accept("{"):
            return self.closed("}")
        return self.argument() if self.next.kind == "number" and len(self.next.text) == 2 else self._atom()

    def _value_of(self, name: str, argument: Value, base: Value | None) -> Value:
        if isinstance(argument, sympy.MatrixBase):
            raise UnreadError("a function of a matrix")
        if name == r"\log":
            return op.log(argument, Integer(10) if base is None else base)
        if base is not None:
            raise UnreadError(f"{name} with a subscript")
        if name in op.TRIGONOMETRIC:
            argument = argument.subs(DEGREE, sympy.pi / 180)
        return op.FUNCTIONS[name](argument)

    def _function_argument(self) -> Value:
        """The bracket after a function, or the factors up to the next sign or function."""
        if self.next.text in ("(", "[", "{"):
            value = self.closed(_CLOSING[self.take().text])
            return self._postfixes(value) if self.next.text == "!" else value
        value = self._signed(self._factor)
        while self._starts_factor() and self.next.text not in op.FUNCTIONS and self.next.text not in (r"\log", "("):
            value = self._juxtaposed(value)
        return value
