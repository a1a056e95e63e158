"""When two attempts are the same solution: the same code but for names, comments and layout, and the same answer."""

import ast
import hashlib
import warnings
from collections.abc import Sequence
from functools import cache

from store.records import Segment, SegmentKind

_MAX_PARSED_CHARS = 20_000  # longer code is compared as text: parsing is for solutions, not for floods

_NAMING: dict[type[ast.AST], str] = {  # where a name is bound, other than in an assignment
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


def dedup_key(segments: Sequence[Segment], answer: str | None) -> bytes:
    """16 bytes that are equal for solutions of one problem that say the same.

    The code blocks share their variables, so they are compared as one program. A solution without code is compared by
    its words.
    """
    code = [segment.text for segment in segments if segment.kind is SegmentKind.CODE]
    body = normalised_code("\n".join(code)) if code else _words(segments)
    return hashlib.sha256(repr((body, (answer or "").strip())).encode("utf-8", "backslashreplace")).digest()[:16]


def normalised_code(source: str) -> str:
    """The syntax tree with the program's own names numbered as they appear; bare words if it does not parse."""
    if len(source) > _MAX_PARSED_CHARS:
        return " ".join(source.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
        return _Tree(tree).normalised()
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that the parser says of bad or wild nesting
        return " ".join(source.split())


def _words(segments: Sequence[Segment]) -> str:
    return " ".join(" ".join(segment.text for segment in segments).split())


class _Tree:
    """A syntax tree, written down in one walk: `ast.dump` of a renamed tree took ten times as long.

    Names that the program itself gives (variables, functions, arguments, import aliases) are known when the walk is
    over, and numbered then. Others mean something and stay: what is imported, builtin or a keyword argument.
    """

    def __init__(self, tree: ast.AST) -> None:
        self._parts: list[str] = []
        self._names: list[int] = []  # the parts that are names
        self._bound: set[str] = set()
        self._node(tree)

    def normalised(self) -> str:
        """Equal for trees that differ in the program's own names alone."""
        numbers: dict[str, str] = {}
        for position in self._names:
            name = self._parts[position]
            if name in self._bound:
                self._parts[position] = numbers.setdefault(name, f"#{len(numbers)}")
        return " ".join(self._parts)

    def _node(self, node: ast.AST) -> None:
        kind = node.__class__
        self._parts.append(kind.__name__)
        if isinstance(node, ast.Name):
            self._name(node.id, binds=isinstance(node.ctx, ast.Store))
            return
        naming = _NAMING.get(kind)
        for field in _fields(kind._fields):
            value = getattr(node, field, None)
            if field == naming and value is not None:
                self._name(value, binds=True)
            else:
                self._value(value)

    def _value(self, value: object) -> None:
        if isinstance(value, ast.AST):
            self._node(value)
        elif isinstance(value, list):
            self._parts.append("[")
            for item in value:
                self._value(item)
            self._parts.append("]")
        else:
            self._parts.append(repr(value))

    def _name(self, name: str, *, binds: bool) -> None:
        self._names.append(len(self._parts))
        self._parts.append(name)
        if binds:
            self._bound.add(name)


@cache
def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in _SILENT)
