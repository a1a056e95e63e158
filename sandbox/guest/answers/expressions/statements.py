"""Statements: expressions with relations between them, such as equations, inequalities and chains of these."""

from typing import NamedTuple

import sympy  # type: ignore[import-untyped]
from sympy import Expr, Symbol

from sandbox.guest.answers.expressions.equality import equal_expressions
from sandbox.guest.answers.expressions.reader import Reading, read_tokens
from sandbox.guest.answers.expressions.tokens import END, Token, UnreadError, tokenize
from sandbox.guest.answers.expressions.values import equal_readings
from sandbox.guest.answers.matching import all_equal, match

_APPROXIMATELY = r"\approx"
_RELATIONS = frozenset(("=", "<", ">", r"\le", r"\ge", r"\ne", _APPROXIMATELY))
_TURNED = {">": "<", r"\ge": r"\le"}
_OPENING, _CLOSING = frozenset("([{") | {r"\{"}, frozenset(")]}") | {r"\}"}
_MAX_SIDES = 12


class Statement(NamedTuple):
    """`sides` with a relation between each two. A single expression has one side."""

    sides: tuple[Reading, ...]
    relations: tuple[str, ...] = ()

    @property
    def is_equation(self) -> bool:
        """Whether every relation is an equality."""
        return bool(self.relations) and all(relation == "=" for relation in self.relations)


class _Relation(NamedTuple):
    """`difference` is positive (`<`), not negative (`\\le`), or not zero (`\\ne`)."""

    relation: str
    difference: Expr


def read_statement(text: str) -> Statement:
    """Read all of `text`. Raises UnreadError."""
    parts, relations = _split(tokenize(text))
    sides = tuple(read_tokens([*part, END]) for part in parts)
    return _without_approximations(Statement(sides, tuple(relations)))


def compare_statements(expected: Statement, given: Statement) -> bool | None:
    """Whether the statements say the same; None if it is not decided."""
    if not expected.relations and not given.relations:
        return equal_readings(expected.sides[0], given.sides[0])
    if not expected.relations or not given.relations:
        left, right = _value_of(expected), _value_of(given)
        return False if left is None or right is None else equal_readings(left, right)
    if any(isinstance(side.value, sympy.MatrixBase) for side in (*expected.sides, *given.sides)):
        return _compare_side_by_side(expected, given)
    if expected.is_equation and given.is_equation:
        return _compare_equations(expected, given)
    if expected.is_equation or given.is_equation:
        return False
    return match(_as_relations(expected), _as_relations(given), _same_relation)


def _split(tokens: list[Token]) -> tuple[list[list[Token]], list[str]]:
    """The tokens between the relations that stand outside brackets, and those relations."""
    parts: list[list[Token]] = [[]]
    relations: list[str] = []
    depth = 0
    for token in tokens[:-1]:
        depth += (token.text in _OPENING) - (token.text in _CLOSING)
        if depth == 0 and token.kind != "text" and token.text in _RELATIONS:
            relations.append(token.text)
            parts.append([])
        else:
            parts[-1].append(token)
    if len(parts) > _MAX_SIDES:
        raise UnreadError("it has too many relations")
    return parts, relations


def _without_approximations(statement: Statement) -> Statement:
    """The exact part of `x = 1/3 \\approx 0.33`; what stands after a name alone is its value."""
    if _APPROXIMATELY not in statement.relations:
        return statement
    first = statement.relations.index(_APPROXIMATELY)
    if first == 0 and isinstance(statement.sides[0].value, Symbol):
        return Statement(statement.sides[:2], ("=",))
    return Statement(statement.sides[: first + 1], statement.relations[:first])


def _value_of(statement: Statement) -> Reading | None:
    """The value that a statement gives: its expression, or the end of a chain from a name or a computed number."""
    if not statement.relations:
        return statement.sides[0]
    first = statement.sides[0].value
    if not statement.is_equation or isinstance(first, sympy.MatrixBase):
        return None
    return statement.sides[-1] if first.is_number or _is_name(first) else None


def _is_name(value: Expr) -> bool:
    """Whether an expression stands for one thing: a variable, `f(x)`, or a ratio or product of names such as AB:CD."""
    if isinstance(value, Symbol | sympy.core.function.AppliedUndef):
        return True
    factors = sympy.Mul.make_args(value)
    powers = [factor.as_base_exp() for factor in factors]
    return len(factors) > 1 and all(isinstance(base, Symbol) and abs(exponent) == 1 for base, exponent in powers)


def _compare_side_by_side(expected: Statement, given: Statement) -> bool | None:
    if expected.relations != given.relations:
        return False
    verdicts = [equal_readings(x, y) for x, y in zip(expected.sides, given.sides, strict=True)]
    return all_equal(verdicts)


def _compare_equations(expected: Statement, given: Statement) -> bool | None:
    """Two equations are the same if the differences of their sides are in a constant proportion."""
    if len(expected.sides) > 2 or len(given.sides) > 2:
        return _compare_chains(expected, given)
    left, right = (statement.sides[0].value - statement.sides[1].value for statement in (expected, given))
    return _proportional(sympy.expand(left), sympy.expand(right), positive=False)


def _compare_chains(expected: Statement, given: Statement) -> bool | None:
    """A chain from one name gives its last side as the value, whatever its steps."""
    if expected.sides[0].value == given.sides[0].value and _is_name(expected.sides[0].value):
        return equal_readings(expected.sides[-1], given.sides[-1])
    return match(expected.sides, given.sides, equal_readings)


def _as_relations(statement: Statement) -> list[_Relation]:
    """Each relation of a chain by itself, as a difference of its sides that is positive or not negative."""
    found = []
    for relation, left, right in zip(statement.relations, statement.sides, statement.sides[1:], strict=False):
        turned = relation in _TURNED
        difference = (left.value - right.value) if turned else (right.value - left.value)
        found.append(_Relation(_TURNED.get(relation, relation), sympy.expand(difference)))
    return found


def _same_relation(one: _Relation, other: _Relation) -> bool | None:
    if one.relation != other.relation:
        return False
    return _proportional(one.difference, other.difference, positive=one.relation not in (r"\ne", "="))


def _proportional(one: Expr, other: Expr, *, positive: bool) -> bool | None:
    """Whether `one` is a constant multiple of `other`, by a positive constant if `positive`."""
    if one == 0 or other == 0:
        return bool(one == other)
    if one.free_symbols != other.free_symbols:
        return False
    factor = _factor_at_a_point(one, other)
    if factor is None or factor == 0 or (positive and not factor.is_positive):
        return False
    return equal_expressions(one, sympy.expand(factor * other))


def _factor_at_a_point(one: Expr, other: Expr) -> Expr | None:
    """The quotient of the values at one point; None if there is none."""
    names = sorted(one.free_symbols, key=str)
    point = {name: sympy.Rational(7 + 2 * position, 5 + position) for position, name in enumerate(names)}
    factor = sympy.simplify(one.subs(point) / other.subs(point))
    return factor if factor.is_number and factor.is_finite else None
