"""Progress of a command on the standard error: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

OnProgress = Callable[[int, int | None], None]
"""Called with the number of items done, and the total if it is known."""

_LINE_INTERVAL_S = 10.0


@contextmanager
def progress_bar(title: str) -> Iterator[OnProgress]:
    """Show progress until the context ends. Work that is done at once prints nothing."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(title)
        return
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(title: str) -> OnProgress:
    printed_at_s = time.monotonic()

    def on_progress(done: int, total: int | None) -> None:
        nonlocal printed_at_s
        if time.monotonic() - printed_at_s >= _LINE_INTERVAL_S:
            printed_at_s = time.monotonic()
            print(f"{title}: {done:,}{f' of {total:,}' if total else ''}", file=sys.stderr, flush=True)  # noqa: T201

    return on_progress
