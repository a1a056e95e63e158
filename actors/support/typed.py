"""What a program typed and what it computed: the abstract values of `program.py`."""

import ast
import math
import re
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from enum import IntEnum
from fractions import Fraction
from typing import Any


class Level(IntEnum):
    """Where a value comes from: it stands in the program, is one of several that do, or was computed."""

    TYPED = 0
    ELEMENT = 1
    COMPUTED = 2


class _Unknown:
    """The value of what is not evaluated."""


UNKNOWN: Any = _Unknown()
_MAX_SIZE = 1_000  # characters and items of a known value: `x = [x, x]`, repeated, doubles it


@dataclass(frozen=True, slots=True)
class Value:
    """An abstract value. `known` is the value itself where it is a literal, else `UNKNOWN`."""

    level: Level
    known: Any = UNKNOWN

    @property
    def is_known(self) -> bool:
        """Whether the value itself is known."""
        return self.known is not UNKNOWN

    def at_least(self, level: Level) -> "Value":
        """This value raised to a level."""
        return self if self.level >= level else Value(level)


TYPED, ELEMENT, COMPUTED = Value(Level.TYPED), Value(Level.ELEMENT), Value(Level.COMPUTED)
NOTHING = Value(Level.TYPED, None)


class BudgetExceededError(ValueError):
    """The analysis of a program has taken too many steps."""


def highest(values: Sequence[Value]) -> Level:
    """The highest level of the values."""
    return max((value.level for value in values), default=Level.TYPED)


def merged(values: Sequence[Value]) -> Value:
    """The value of a name that has one of these, depending on the branch."""
    first = values[0]
    if all(value is first for value in values):
        return first
    same = all(value.is_known and _same(value.known, first.known) for value in values)
    return Value(highest(values), first.known if same else UNKNOWN)


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def bounded(value: Any) -> Any:
    """A value that was put together from known ones, or `UNKNOWN` if it is large."""
    return value if _size(value, _MAX_SIZE) <= _MAX_SIZE else UNKNOWN


def _size(value: Any, limit: int) -> int:
    """The number of characters and items; counting ends beyond the limit."""
    if isinstance(value, str):
        return len(value) + 1
    size = 1
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        for item in value:
            size += _size(item, limit - size)
            if size > limit:
                break
    return size


# ---------------------------------------------------------------- calls of functions that compute nothing

_CONVERTERS: dict[str, Callable[[Any], Any]] = {"int": int, "float": float, "str": str}
_CONSTRUCTORS = frozenset(("int", "float", "str", "repr", "list", "tuple"))
_PARSERS = frozenset(("eval", "Integer", "Float", "Decimal", "sympify", "S", "N"))  # compute unless given a number
_RATIOS = frozenset(("Fraction", "Rational"))
_CHOOSERS = frozenset(("max", "min", "sum"))
_SEQUENCES = frozenset(("range", "enumerate", "zip", "reversed"))
MUTATORS = frozenset(("append", "add", "extend", "insert", "update", "sort", "remove", "pop", "reverse", "setdefault"))
_CONVERTED_CHARS = 60
_WRITTEN_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def called(name: str, arguments: Sequence[Value]) -> Value | None:
    """The value of a call of a function that only rewrites what was typed; None for all others."""
    level = highest(arguments)
    if level is Level.COMPUTED or not arguments:
        return None
    if name in _SEQUENCES:
        return ELEMENT
    if name in _CONSTRUCTORS and len(arguments) == 1:
        return _converted(name, arguments[0])
    if name == "round":
        return Value(level) if _is_whole(arguments) else None
    if name in _PARSERS and len(arguments) == 1:
        return Value(level) if _is_number(arguments[0].known) else None
    if name in _RATIOS and all(isinstance(value.known, int) for value in arguments):
        return Value(level) if math.gcd(*(value.known for value in arguments)) == 1 or len(arguments) == 1 else None
    if name in _CHOOSERS and _has_one_number(name, arguments):
        return Value(level)
    return None


def _converted(name: str, argument: Value) -> Value:
    convert, known = _CONVERTERS.get(name), argument.known
    if convert is None or not isinstance(known, str | int | float):
        return Value(argument.level)
    try:
        return Value(argument.level, convert(known) if len(str(known)) < _CONVERTED_CHARS else UNKNOWN)
    except (ValueError, OverflowError):
        return Value(argument.level)


def _is_whole(arguments: Sequence[Value]) -> bool:
    """Whether rounding the argument returns it as it is."""
    known = arguments[0].known
    return len(arguments) == 1 and isinstance(known, int | float) and known == known // 1


def _is_number(known: Any) -> bool:
    """Whether a literal is a number, or a text that is one."""
    if isinstance(known, str):
        return _WRITTEN_NUMBER.fullmatch(known.strip()) is not None
    return isinstance(known, int | float)


def _has_one_number(name: str, arguments: Sequence[Value]) -> bool:
    """Whether a choice among the arguments, or their sum, is the only number that they hold."""
    if not all(value.is_known for value in arguments):
        return False
    lists = [value.known if isinstance(value.known, list | tuple) else [value.known] for value in arguments]
    numbers = [number for numbers in lists for number in numbers]
    if not all(isinstance(number, int | float) for number in numbers):
        return False
    return len(numbers) == 1 if name == "sum" else len(set(numbers)) == 1


# ---------------------------------------------------------------- operators


def is_neutral(operator: ast.operator, left: Value, right: Value, given: Callable[[], Set[Fraction]]) -> bool:
    """Whether an operation on two numbers returns one of them unchanged, and the question asks for no such thing.

    `given`: returns the numbers in the question and in earlier outputs. 3 * 1 computes something if one of them is 3
    or 1.
    """
    if not (isinstance(left.known, int | float) and isinstance(right.known, int | float)):
        return False
    neutral = 0 if isinstance(operator, ast.Add | ast.Sub) else 1
    if not isinstance(operator, ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Pow):
        return False
    commutes = isinstance(operator, ast.Add | ast.Mult)
    if right.known != neutral and not (commutes and left.known == neutral):
        return False
    return given().isdisjoint((left.known, right.known))  # a Fraction has the hash of an equal int or float


def fragments(node: ast.expr) -> Iterator[str]:
    """The texts that a printed expression has beside what it computes."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def element(container: Value, index: Value) -> Value:
    """The value of a subscript."""
    level = max(container.level, index.level)
    if level is Level.COMPUTED or not (container.is_known and index.is_known):
        return Value(level)
    if not isinstance(container.known, list | tuple | dict):
        return COMPUTED  # the letter of a word is not typed
    try:
        return Value(level, container.known[index.known])
    except (TypeError, LookupError):
        return Value(level)
