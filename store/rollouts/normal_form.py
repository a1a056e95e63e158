"""A program as its syntax tree says it: without layout and comments, its own names numbered as they appear."""

import ast
import warnings
from functools import cache, lru_cache
from typing import Any

MAX_PARSED_CHARS = 20_000  # longer code is compared as text: parsing is for solutions, not for floods
NO_PROGRAM = (SyntaxError, ValueError, RecursionError, MemoryError)  # all that the parser says of bad or wild nesting

_NAMING: dict[type[ast.AST], str] = {  # where names stand; that of a Name is bound if it is assigned to
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
_SILENT = frozenset({"kind", "type_comment", "type_ignores", "ctx"})  # fields that say nothing that the place does not


@lru_cache(maxsize=512)  # what many attempts say is compared with each of them
def normalised_code(source: str) -> str:
    """The syntax tree with the program's own names numbered as they appear; the mere text if it does not parse."""
    if len(source) > MAX_PARSED_CHARS:
        return source.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
        return _written(tree)
    except NO_PROGRAM:
        return source.strip()


def _written(tree: ast.AST) -> str:
    """A syntax tree, written down in one walk, which takes half as long as `ast.dump` alone.

    Names that the program itself gives (variables, functions, arguments, import aliases) are known when the walk is
    over, and numbered then. Others mean something and stay: what is imported, builtin or a keyword argument.
    """
    parts: list[str] = []
    names: list[int] = []  # the parts that are names
    bound: set[str] = set()
    _write(tree, parts, names, bound)
    numbers: dict[str, str] = {}
    for position in names:
        name = parts[position]
        if name in bound:
            parts[position] = numbers.setdefault(name, f"#{len(numbers)}")
    return " ".join(parts)


def _write(value: Any, parts: list[str], names: list[int], bound: set[str]) -> None:
    """Adds a node, or what a field of one holds: this is where the time goes, so names are looked up once a kind."""
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
    """What nodes of a kind are called, which fields they have, and which of these is a name; None if it is no node."""
    if not issubclass(kind, ast.AST):
        return None
    return kind.__name__, tuple(name for name in kind._fields if name not in _SILENT), _NAMING.get(kind)
