"""Runs the blocks of one session as a notebook does: variables are shared, the last expression's value is shown."""

import ast
import contextlib
import linecache
import sys
import traceback
import types
from typing import Any

from sandbox.guest.imports import explain_missing
from sandbox.guest.text import cut_middle

FRAMES_SHOWN = 12
ERRORS_SHOWN = 8


class Notebook:
    """The variables of one session, which live in its `__main__`, and the blocks run so far."""

    def __init__(self, text_chars: int) -> None:
        self._text_chars = text_chars
        self._module = types.ModuleType("__main__")
        self._module.__dict__["__builtins__"] = __builtins__
        sys.modules["__main__"] = self._module
        self._blocks = 0

    def run(self, source: str) -> dict[str, Any]:
        """Run one block. Returns `status` (`ok`, `error`, `memory`), `value` and `error`; never raises."""
        self._blocks += 1
        name = f"<block {self._blocks}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        report: dict[str, Any] = {"status": "ok", "value": None, "error": ""}
        try:
            report["value"] = self._evaluate(source, name)
        except MemoryError as error:
            report |= {"status": "memory", "error": describe(error)}
        except BaseException as error:
            report |= {"status": "error", "error": describe(error)}
        flush()
        for text in ("value", "error"):
            report[text] = report[text] and cut_middle(report[text], self._text_chars)
        return report

    def _evaluate(self, source: str, name: str) -> str | None:
        variables = self._module.__dict__
        tree = ast.parse(source, name)
        last = tree.body[-1] if tree.body else None
        if not isinstance(last, ast.Expr):
            exec(compile(tree, name, "exec"), variables)  # noqa: S102 - this process is confined
            return None
        exec(compile(ast.Module(tree.body[:-1], tree.type_ignores), name, "exec"), variables)  # noqa: S102
        value = eval(compile(ast.Expression(last.value), name, "eval"), variables)  # noqa: S307
        if value is None:
            return None
        variables["_"] = value
        return repr(value)


def describe(error: BaseException) -> str:
    """The traceback of `error`, with frames of the session's own blocks only. Never raises."""
    try:
        explain_missing(error)
        report = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
        _keep_own_frames(report)
        return "".join(report.format()).rstrip("\n")
    except BaseException:  # the block may have replaced anything that this uses
        return f"{type(error).__name__}: its traceback cannot be shown"


def _keep_own_frames(report: traceback.TracebackException) -> None:
    """Drop other frames from `report` and its causes, contexts and group members, at most ERRORS_SHOWN of them."""
    waiting, shown = [report], 0
    while waiting:
        part = waiting.pop()
        shown += 1
        own = [frame for frame in part.stack if frame.filename.startswith("<block ")]
        if len(own) > FRAMES_SHOWN:
            own = own[: FRAMES_SHOWN // 2] + own[-FRAMES_SHOWN // 2 :]
        part.stack = traceback.StackSummary.from_list(own)
        if shown >= ERRORS_SHOWN:
            part.__cause__ = part.__context__ = None
        waiting += [other for other in (part.__cause__, part.__context__, *(part.exceptions or ())) if other]


def flush() -> None:
    """Flush the block's output. The block may have closed or replaced its streams; errors are ignored."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):  # a replaced stream may raise anything
            stream.flush()
