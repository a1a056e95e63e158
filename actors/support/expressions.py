"""The abstract values of expressions."""

import ast
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from actors.support.numbers import numbers_in
from actors.support.typed import (
    COMPUTED,
    UNKNOWN,
    BudgetExceeded,
    Level,
    Value,
    bounded,
    called,
    element,
    highest,
    is_neutral,
)

if TYPE_CHECKING:
    from actors.support.program import Printed

_BUDGET = 5_000  # steps; real programs take a few hundred


class Expressions:
    """The expressions of a program, given the values of its names. `program.Program` adds the statements."""

    printed: "Printed"

    def __init__(self, question: str = "") -> None:
        self.names: dict[str, Value] = {"__name__": Value(Level.TYPED, "__main__")}
        self.modules: set[str] = set()
        self.functions: dict[str, ast.FunctionDef] = {}
        self.returned: list[Value] = []
        self.depth = 0
        self._given_texts = [question]
        self._given_numbers: set[Fraction] = set()
        self._steps = 0

    def give(self, text: str) -> None:
        """Add what a block computed: like the question, it gives numbers to the blocks that follow."""
        self._given_texts.append(text)

    @property
    def _given(self) -> set[Fraction]:
        """The numbers in the question and in earlier outputs, which few programs need."""
        while self._given_texts:
            self._given_numbers.update(number.value for number in numbers_in(self._given_texts.pop()))
        return self._given_numbers

    def _spend(self) -> None:
        self._steps += 1
        if self._steps > _BUDGET:
            raise BudgetExceeded

    def _value(self, node: ast.expr, control: Level = Level.TYPED) -> Value:
        self._spend()
        match node:
            case ast.Constant(value=value):
                return Value(Level.TYPED, value)
            case ast.Name(id=name):
                return self.names.get(name, COMPUTED)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                value = self._value(operand)
                is_number = isinstance(value.known, int | float)
                return Value(value.level, _signed(sign, value.known) if is_number else UNKNOWN)
            case ast.UnaryOp(op=ast.Not(), operand=operand) | ast.Starred(value=operand):
                return Value(self._value(operand).level)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return self._sequence(node, [self._value(item) for item in items])
            case ast.Dict(keys=keys, values=items):
                return self._mapping(keys, items)
            case ast.JoinedStr(values=parts):
                return self._text(parts)
            case ast.FormattedValue(value=inner, conversion=conversion, format_spec=form):
                value = self._value(inner)
                return value if form is None and conversion == -1 else Value(value.level)
            case ast.Subscript(value=container, slice=index):
                return element(self._value(container), self._value(index))
            case ast.BinOp(left=first, op=operator, right=second):
                left, right = self._value(first), self._value(second)
                return Value(highest([left, right])) if is_neutral(operator, left, right, lambda: self._given) else COMPUTED
            case ast.Compare(left=first, ops=operators, comparators=others):
                level = highest([self._value(one) for one in (first, *others)])
                equality = all(isinstance(operator, ast.Eq | ast.NotEq | ast.Is) for operator in operators)
                return Value(Level.TYPED) if level is Level.TYPED and equality else COMPUTED
            case ast.IfExp(test=test, body=then, orelse=otherwise):
                return Value(highest([self._value(one) for one in (test, then, otherwise)]))
            case ast.NamedExpr(target=ast.Name(id=name), value=inner):
                self.names[name] = self._value(inner)
                return self.names[name]
            case ast.Call():
                return self._call(node, control)
        return COMPUTED

    def _sequence(self, node: ast.expr, items: Sequence[Value]) -> Value:
        known = all(item.is_known for item in items) and not isinstance(node, ast.Set)
        values = [item.known for item in items]
        made = tuple(values) if isinstance(node, ast.Tuple) else values
        return Value(highest(items), bounded(made) if known else UNKNOWN)

    def _mapping(self, keys: Sequence[ast.expr | None], items: Sequence[ast.expr]) -> Value:
        names = [self._value(key) for key in keys if key is not None]
        values = [self._value(item) for item in items]
        level = highest([*names, *values])
        if len(names) != len(values) or not all(one.is_known for one in (*names, *values)):
            return Value(level)
        try:
            made = {name.known: value.known for name, value in zip(names, values, strict=True)}
        except TypeError:  # a key that is no key
            return Value(level)
        return Value(level, bounded(made))

    def _text(self, parts: Sequence[ast.expr]) -> Value:
        values = [self._value(part) for part in parts]
        known = all(value.is_known for value in values)
        return Value(highest(values), bounded("".join(str(value.known) for value in values)) if known else UNKNOWN)

    def _call(self, node: ast.Call, control: Level) -> Value:
        arguments = [self._value(argument) for argument in node.args]
        options = [self._value(option.value) for option in node.keywords]
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self._call_function(name, [] if options else arguments, control)
            case ast.Attribute(value=container, attr="format"):
                return Value(highest([self._value(container), *arguments, *options]))
            case ast.Name(id=name) if not options:
                return called(name, arguments) or COMPUTED
            case ast.Attribute(value=ast.Name(id=module), attr=name) if not options and module in self.modules:
                return called(name, arguments) or COMPUTED
            case ast.Lambda(args=ast.arguments(args=[]), body=body):
                return self._value(body)
        return COMPUTED

    def _call_function(self, name: str, arguments: Sequence[Value], control: Level) -> Value:
        raise NotImplementedError


def _signed(sign: ast.unaryop, number: float) -> float:
    return -number if isinstance(sign, ast.USub) else number
