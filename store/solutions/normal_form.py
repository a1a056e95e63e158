"""The normal form of a program: its syntax tree, without layout and comments, with its own names numbered."""

import ast
import warnings
from functools import cache, lru_cache
from typing import Any

MAX_PARSED_CHARS = 20_000  # longer code is compared as text: real solutions are shorter, and parsing it would take long
NO_PROGRAM = (SyntaxError, ValueError, RecursionError, MemoryError)  # what the parser raises, e.g. for deep nesting

_NAMING: dict[type[ast.AST], str] = {  # the fields that contain names; the name of a Name is bound by an assignment
    ast.Name: "id",
    ast.arg: "arg",
    ast.ExceptHandler: "name",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ClassDef: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.alias: "asname",
}
_REDUNDANT = frozenset({"kind", "type_comment", "type_ignores", "ctx"})  # fields that do not change the meaning


@lru_cache(maxsize=512)  # a frequent solution is compared again and again
def normalised_code(source: str) -> str:
    """The syntax tree with the program's own names numbered in order; the stripped source if it does not parse."""
    if len(source) > MAX_PARSED_CHARS:
        return source.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
        return _serialize(tree)
    except NO_PROGRAM:
        return source.strip()


def _serialize(tree: ast.AST) -> str:
    """A syntax tree as text, in a single walk, which takes half as long as `ast.dump` alone.

    Names that the program binds (variables, functions, arguments, import aliases) are known at the end of the walk and
    numbered then. Other names have a meaning of their own and stay: imports, builtins and keyword arguments.
    """
    parts: list[str] = []
    names: list[int] = []  # indexes of the parts that are names
    bound: set[str] = set()
    _write(tree, parts, names, bound)
    numbers: dict[str, str] = {}
    for position in names:
        name = parts[position]
        if name in bound:
            parts[position] = numbers.setdefault(name, f"#{len(numbers)}")
    return " ".join(parts)


def _write(value: Any, parts: list[str], names: list[int], bound: set[str]) -> None:
    """Append a node or a field's value. This is the hot loop, so the form of each node type is cached."""
    kind: type = value.__class__
    if kind is list:
        parts.append("[")
        for item in value:
            _write(item, parts, names, bound)
        parts.append("]")
        return
    form = _form(kind)
    if form is None:
        parts.append(repr(value))
        return
    label, fields, naming = form
    parts.append(label)
    for field in fields:
        part = getattr(value, field, None)
        if field != naming or part is None:
            _write(part, parts, names, bound)
            continue
        names.append(len(parts))
        parts.append(part)
        if kind is not ast.Name or value.ctx.__class__ is ast.Store:
            bound.add(part)


@cache
def _form(kind: type) -> tuple[str, tuple[str, ...], str | None] | None:
    """(label, fields, the field that is a name) of a node type; None if the type is not a node."""
    if not issubclass(kind, ast.AST):
        return None
    return kind.__name__, tuple(name for name in kind._fields if name not in _REDUNDANT), _NAMING.get(kind)
