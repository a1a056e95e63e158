"""The parts of an expression with a form of their own: names with subscripts, counts, matrices, units after a value."""

import sympy  # type: ignore[import-untyped]
from sympy import Rational

from sandbox.guest.answers.expressions import operations as op
from sandbox.guest.answers.expressions.cursor import Grammar
from sandbox.guest.answers.expressions.operations import Value
from sandbox.guest.answers.expressions.tokens import END, UnreadError
from sandbox.guest.answers.units import Unit, read_unit

_COUNTS = {"C": op.binomial, "A": op.permutations, "P": op.permutations}
_MATRICES = ("pmatrix", "bmatrix", "matrix", "vmatrix", "smallmatrix", "array")
_MAX_CELLS = 100
_MAX_DETERMINANT_ROWS = 6
_LONGEST_NAME = 4  # words of what is counted
_SHORTEST_WORD = 4


def read_subscript(reader: Grammar) -> str:
    """The subscript and the primes of a name as text, the same for `x_1` and `x_{1}`."""
    name = _primes(reader)
    if reader.is_sign("_"):
        reader.take()
        name += "_" + (_group_text(reader) if reader.is_sign("{") else reader.take().text)
    return name + _primes(reader)


def _primes(reader: Grammar) -> str:
    primes = ""
    while reader.accept("'"):
        primes += "'"
    return primes


def _group_text(reader: Grammar) -> str:
    """The tokens of a group in braces, joined."""
    parts: list[str] = []
    depth = 0
    while True:
        token = reader.take()
        if token is END:
            raise UnreadError("a brace is not closed")
        depth += (token.text == "{") - (token.text == "}")
        if depth == 0:
            return "".join(parts[1:])
        parts.append(token.text)


def read_count(reader: Grammar, letter: str) -> Value | None:
    """The scripts of `C_n^k` as a number of combinations, of `A` and `P` as one of permutations; None for any other
    letter or scripts.
    """
    if letter not in _COUNTS:
        return None
    start = reader.position
    scripts: dict[str, Value] = {}
    while reader.is_sign("_", "^") and reader.next.text not in scripts:
        sign = reader.take().text
        scripts[sign] = reader.script() if sign == "^" else reader.subscript_value()
    if len(scripts) == 2:
        n, k = scripts["_"], scripts["^"]
        if (letter == "C" and n.free_symbols) or (n.is_Integer and k.is_Integer and 0 <= k <= n):
            return _COUNTS[letter](n, k)
    reader.position = start
    return None


def read_prescripted(reader: Grammar) -> Value:
    """`{}_{n}C_{k}` after its opening brace."""
    reader.expect("}")
    reader.expect("_")
    n = reader.subscript_value()
    letter = reader.take().text
    reader.expect("_")
    if letter not in _COUNTS:
        raise UnreadError("a subscript before a letter")
    return _COUNTS[letter](n, reader.subscript_value())


def read_repeating(text: str) -> Rational:
    """The value of a number such as `0.1\\overline{6}`."""
    written, _, rest = text.partition(r"\overline")
    repeated = rest.strip(" {}")
    whole, _, decimals = written.partition(".")
    value = Rational(int((whole or "0") + decimals), 10 ** len(decimals))
    return value + Rational(int(repeated), 10 ** len(decimals) * (10 ** len(repeated) - 1))


def read_matrix(reader: Grammar, opening: str) -> Value:
    """The matrix, or for `vmatrix` the determinant, after its `\\begin`."""
    kind = opening[len(r"\begin{") : -1]
    if kind not in _MATRICES:
        raise UnreadError(f"the environment {kind} is not understood")
    rows = _cells(reader, rf"\end{{{kind}}}")
    if len({len(row) for row in rows}) != 1 or len(rows) * len(rows[0]) > _MAX_CELLS:
        raise UnreadError("rows of different lengths, or too many")
    matrix = sympy.ImmutableMatrix(rows)
    return _determinant(matrix) if kind == "vmatrix" else matrix


def _cells(reader: Grammar, closing: str) -> list[list[Value]]:
    rows: list[list[Value]] = [[]]
    while True:
        rows[-1].append(reader.sum())
        if reader.accept("&"):
            continue
        ends_row = reader.accept(r"\\")
        if reader.accept(closing):
            return rows
        if not ends_row:
            reader.refuse(reader.next, closing)
        rows.append([])


def _determinant(matrix: Value) -> Value:
    if matrix.rows != matrix.cols or matrix.rows > _MAX_DETERMINANT_ROWS:
        raise UnreadError("a determinant of no square, or of a large one")
    return matrix.det()


def read_unit_after(reader: Grammar) -> Unit | None:
    """A unit in \\text{} after the expression; None if there is none, or what is counted is named instead.

    Raises UnreadError at any other text.
    """
    if reader.next.kind != "text":
        return None
    text = reader.take().text.rstrip(".")
    if reader.is_sign("^") and reader.texts(2)[1] in ("2", "3"):
        reader.take()
        text += f"^{reader.take().text}"
    unit = read_unit(text)
    if unit is None and not _names_something(text):
        raise UnreadError(f"{text!r} is no unit")
    return unit


def _names_something(text: str) -> bool:
    words = text.replace("-", " ").split()
    if not 0 < len(words) <= _LONGEST_NAME or not all(word.isalpha() for word in words):
        return False
    return max(map(len, words)) >= _SHORTEST_WORD
