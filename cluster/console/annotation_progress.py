"""Progress of annotation on the standard error: attempts, their rate, and what they cost."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status

from actors.annotation.progress import JobProgress
from actors.annotation.spending.budget import Limits

_LINE_INTERVAL_S = 10.0


@contextmanager
def annotation_progress(limits: Limits) -> Iterator[Callable[[JobProgress], None]]:
    """Show progress until the context ends: a line that changes on a terminal, one every ten seconds elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(limits)
        return
    with Status("starting", console=console) as status:
        yield lambda progress: status.update(progress_text(progress, limits))


def print_note(text: str) -> None:
    """Print a note on the standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def progress_text(progress: JobProgress, limits: Limits) -> str:
    """What a job did so far, on one line."""
    ended = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(progress.outcomes.items()))
    failed = f", {progress.failures.total():,} failed" if progress.failures else ""
    spent, reserved = progress.spending.spent, progress.spending.reserved
    money = f"spent {usd(spent.microusd)}, reserved {usd(reserved.microusd)}"
    if limits.dollars is not None:
        most, _ = limits.stored
        money += f", left {usd((most or 0) - spent.microusd - reserved.microusd)}"
    tokens = f"{spent.tokens:,} tokens"
    if limits.tokens is not None:
        tokens += f" of {limits.tokens:,}"
    rate = f"{progress.attempts_per_minute:.1f} per minute"
    return f"{progress.outcomes.total():,} attempts ({ended or 'none ended yet'}{failed}), {rate}; {money}, {tokens}"


def usd(microusd: int) -> str:
    """An amount of millionths of a dollar, rounded to hundredths of a cent."""
    return f"${microusd / 1_000_000:,.4f}"


def _lines(limits: Limits) -> Callable[[JobProgress], None]:
    printed_at_s = time.monotonic()

    def on_progress(progress: JobProgress) -> None:
        nonlocal printed_at_s
        if time.monotonic() - printed_at_s >= _LINE_INTERVAL_S:
            printed_at_s = time.monotonic()
            print_note(progress_text(progress, limits))

    return on_progress
