"""The abstract values of expressions."""

import ast
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from actors.support.numbers import numbers_in
from actors.support.printed import Printed
from actors.support.typed import (
    COMPUTED,
    UNKNOWN,
    BudgetExceededError,
    Level,
    Value,
    bounded,
    called,
    element,
    highest,
    is_neutral,
)

_BUDGET = 20_000  # steps of all blocks; real programs take a few hundred
_EQUALITIES = (ast.Eq, ast.NotEq, ast.Is)


class Expressions:
    """The expressions of a program, given the values of its names. `program.Program` adds the statements."""

    def __init__(self, question: str = "") -> None:
        self.names: dict[str, Value] = {"__name__": Value(Level.TYPED, "__main__")}
        self.modules: set[str] = set()
        self.functions: dict[str, ast.FunctionDef] = {}
        self.printed = Printed()
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

    def _spend(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > _BUDGET:
            raise BudgetExceededError

    def _value(self, node: ast.expr) -> Value:
        self._spend()
        find = _VALUES.get(type(node))
        return COMPUTED if find is None else find(self, node)

    def _values(self, nodes: Sequence[ast.expr]) -> list[Value]:
        return [self._value(node) for node in nodes]

    # ---------------------------------------------------------------- by type of node

    def _name(self, node: ast.Name) -> Value:
        return self.names.get(node.id, COMPUTED)

    def _sign(self, node: ast.UnaryOp) -> Value:
        value = self._value(node.operand)
        if not isinstance(node.op, ast.USub | ast.UAdd) or not isinstance(value.known, int | float):
            return Value(value.level)
        return Value(value.level, -value.known if isinstance(node.op, ast.USub) else value.known)

    def _sequence(self, node: ast.List | ast.Tuple) -> Value:
        items = self._values(node.elts)
        made: Any = [item.known for item in items]
        made = tuple(made) if isinstance(node, ast.Tuple) else made
        known = all(item.is_known for item in items) and not any(isinstance(item, ast.Starred) for item in node.elts)
        return Value(highest(items), bounded(made) if known else UNKNOWN)

    def _mapping(self, node: ast.Dict) -> Value:
        keys = self._values([key for key in node.keys if key is not None])
        items = self._values(node.values)
        level = highest([*keys, *items])
        if len(keys) != len(items) or not all(one.is_known for one in (*keys, *items)):
            return Value(level)
        try:
            made = {key.known: item.known for key, item in zip(keys, items, strict=True)}
        except TypeError:  # a key that is no key
            return Value(level)
        return Value(level, bounded(made))

    def _text(self, node: ast.JoinedStr) -> Value:
        parts = self._values(node.values)
        known = all(part.is_known for part in parts)
        return Value(highest(parts), bounded("".join(str(part.known) for part in parts)) if known else UNKNOWN)

    def _formatted(self, node: ast.FormattedValue) -> Value:
        value = self._value(node.value)
        return value if node.format_spec is None and node.conversion == -1 else Value(value.level)

    def _operation(self, node: ast.BinOp) -> Value:
        left, right = self._values([node.left, node.right])
        neutral = is_neutral(node.op, left, right, lambda: self._given)
        return Value(highest([left, right])) if neutral else COMPUTED

    def _comparison(self, node: ast.Compare) -> Value:
        """Whether two literals are equal is known to who typed them; any other comparison computes something."""
        level = highest(self._values([node.left, *node.comparators]))
        equality = all(isinstance(operator, _EQUALITIES) for operator in node.ops)
        return Value(Level.TYPED) if level is Level.TYPED and equality else COMPUTED

    def _named(self, node: ast.NamedExpr) -> Value:
        self.names[node.target.id] = self._value(node.value)
        return self.names[node.target.id]

    def _call(self, node: ast.Call) -> Value:
        arguments = self._values(node.args)
        options = self._values([option.value for option in node.keywords])
        match node.func:
            case ast.Name(id=name) if name in self.functions:
                return self._call_function(name, [COMPUTED] * len(arguments) if options else arguments)
            case ast.Attribute(value=container, attr="format"):
                return Value(highest([self._value(container), *arguments, *options]))
            case ast.Name(id=name) if not options:
                return called(name, arguments) or COMPUTED
            case ast.Attribute(value=ast.Name(id=module), attr=name) if not options and module in self.modules:
                return called(name, arguments) or COMPUTED
            case ast.Lambda(args=ast.arguments(args=[]), body=body):
                return self._value(body)
        return COMPUTED

    def _call_function(self, name: str, arguments: Sequence[Value]) -> Value:
        raise NotImplementedError


_VALUES: Mapping[type[ast.expr], Callable[[Expressions, Any], Value]] = {
    ast.Constant: lambda _, node: Value(Level.TYPED, node.value),
    ast.Name: Expressions._name,
    ast.UnaryOp: Expressions._sign,
    ast.Starred: lambda program, node: Value(program._value(node.value).level),
    ast.List: Expressions._sequence,
    ast.Tuple: Expressions._sequence,
    ast.Set: lambda program, node: Value(highest(program._values(node.elts))),
    ast.Dict: Expressions._mapping,
    ast.JoinedStr: Expressions._text,
    ast.FormattedValue: Expressions._formatted,
    ast.Subscript: lambda program, node: element(*program._values([node.value, node.slice])),
    ast.BinOp: Expressions._operation,
    ast.Compare: Expressions._comparison,
    ast.IfExp: lambda program, node: Value(highest(program._values([node.test, node.body, node.orelse]))),
    ast.NamedExpr: Expressions._named,
    ast.Call: Expressions._call,
}
"""What finds the value of a node, by its type; nodes of all other types are computed."""
