"""When two attempts are the same solution: the same code but for names, comments and layout, and the same answer."""

import ast
import hashlib
import warnings
from collections.abc import Sequence

from store.records import Segment, SegmentKind

_MAX_PARSED_CHARS = 20_000  # longer code is compared as text: parsing is for solutions, not for floods


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
        return ast.dump(_Renamer(_bound_names(tree)).visit(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # all that the parser says of bad or wild nesting
        return " ".join(source.split())


def _words(segments: Sequence[Segment]) -> str:
    return " ".join(" ".join(segment.text for segment in segments).split())


def _bound_names(tree: ast.AST) -> frozenset[str]:
    """Names that the program itself gives: variables, functions, arguments, import aliases. Others mean something."""
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                names.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.alias(asname=str(name)):
                names.add(name)
    return frozenset(names)


class _Renamer(ast.NodeTransformer):
    """Numbers the bound names in the order in which a walk of the tree meets them."""

    def __init__(self, bound: frozenset[str]) -> None:
        self._bound = bound
        self._numbers: dict[str, str] = {}

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field_name in ("id", "arg", "name", "asname"):
            name = getattr(node, field_name, None)
            # An imported name and a keyword argument belong to others.
            foreign = isinstance(node, ast.keyword) or (isinstance(node, ast.alias) and field_name == "name")
            if isinstance(name, str) and name in self._bound and not foreign:
                setattr(node, field_name, self._numbers.setdefault(name, f"v{len(self._numbers)}"))
        return super().generic_visit(node)
