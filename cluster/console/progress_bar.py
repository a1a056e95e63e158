"""How far a command's long work has come, on the error output: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

OnProgress = Callable[[int, int | None], None]
"""Is told how much is done, and of how much if that is known."""

_LINE_EVERY_S = 10.0


@contextmanager
def progress_bar(what: str) -> Iterator[OnProgress]:
    """Shows progress until the context ends; work that is done at once leaves no trace."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(what: str) -> OnProgress:
    said_at_s = time.monotonic()

    def on_progress(done: int, total: int | None) -> None:
        nonlocal said_at_s
        if time.monotonic() - said_at_s >= _LINE_EVERY_S:
            said_at_s = time.monotonic()
            print(f"{what}: {done:,}{f' of {total:,}' if total else ''}", file=sys.stderr, flush=True)  # noqa: T201

    return on_progress
