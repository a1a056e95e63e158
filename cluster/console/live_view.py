"""Live view of a run: progress bars and a growing table on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.text import Text

from cluster.loop.progress import Progress
from eval.figure_text import points

_PLAIN_INTERVAL_S = 15.0

_COLUMNS: Mapping[str, int] = {  # by width
    "iter": 4,
    "policy": 6,
    "pass@1": 10,
    "rollouts": 8,
    "accepted": 8,
    "rate": 5,
    "blocks": 6,
    "tok/s": 6,
    "loss": 6,
    "sample s": 8,
    "learn s": 7,
    "measure s": 9,
    "all s": 5,
}
_DROP_ORDER = (
    "blocks",
    "accepted",
    "tok/s",
    "measure s",
    "learn s",
    "sample s",
    "loss",
    "rollouts",
)  # on a narrow screen
_GAP = "  "
_PROMOTED = "★"
_PHASE_NAMES = {
    "sample": "sampling",
    "score": "scoring solutions",
    "learn": "learning",
    "publish": "publishing",
    "measure": "measuring on held-out problems",
}


def make_progress(console: Console) -> Progress:
    """The live view if the console is a terminal, else plain lines."""
    return LiveView(console) if console.is_terminal else PlainLines(console)


class LiveView:
    """Progress bars of the running phases; above them notes, and a line per iteration."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", style="dim"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,  # what libraries print goes to the run's log, not above the bars
            redirect_stderr=False,
        )
        self._running: list[TaskID] = []
        self._tracked: dict[str, TaskID] = {}
        self._has_header = False

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        """Show a bar while the phase runs."""
        self._running.append(self._add_bar(name, total))
        try:
            yield
        finally:
            self._remove_bar(self._running.pop())

    def track(self, name: str, done: int, total: int, detail: str = "") -> None:
        """Show a bar of its own for the activity."""
        if name not in self._tracked:
            self._tracked[name] = self._add_bar(name, total)
        self._bars.update(self._tracked[name], completed=done, total=total, detail=detail)

    def untrack(self, name: str) -> None:
        """Remove the bar of the activity."""
        if name in self._tracked:
            self._remove_bar(self._tracked.pop(name))

    def _add_bar(self, name: str, total: int | None) -> TaskID:
        if not self._bars.tasks:
            self._bars.start()
        return self._bars.add_task(_PHASE_NAMES.get(name, name), total=total, detail="")

    def _remove_bar(self, bar: TaskID) -> None:
        self._bars.remove_task(bar)
        if not self._bars.tasks:
            self._bars.stop()

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """Update the innermost bar."""
        if self._running:
            self._bars.update(self._running[-1], completed=done, total=total, detail=detail)

    def note(self, text: str) -> None:
        """Print a note above the bars."""
        self._console.print(Text(text, style="dim"))

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """Print a line of the table, and the header before the first."""
        columns = fit_columns(self._console.width)
        if not self._has_header:
            self._console.print(Text(header(columns), style="bold"))
            self._has_header = True
        style = "green" if _is_promoted(figures) else ""
        self._console.print(Text(row(figures, columns), style=style))


class PlainLines:
    """One line per event, with the time since the start. For logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started_at = time.monotonic()
        self._phase = ""
        self._printed_at = 0.0
        self._tracked: dict[str, float] = {}  # when each was printed last
        self._has_header = False

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        """Print the name of the phase when it begins."""
        outer, self._phase = self._phase, _PHASE_NAMES.get(name, name)
        self._print(self._phase + (f" ({total})" if total else ""))
        self._printed_at = time.monotonic()
        try:
            yield
        finally:
            self._phase = outer

    def advance(self, done: int, total: int, detail: str = "") -> None:
        """Print the progress of the phase, at most once per interval."""
        if total and time.monotonic() - self._printed_at >= _PLAIN_INTERVAL_S:
            self._printed_at = time.monotonic()
            self._print(f"{self._phase} {done}/{total} {detail}".rstrip())

    def track(self, name: str, done: int, total: int, detail: str = "") -> None:
        """Print the activity when it begins, and its progress at most once per interval."""
        if name not in self._tracked:
            self._print(f"{_PHASE_NAMES.get(name, name)} ({total})")
        elif time.monotonic() - self._tracked[name] >= _PLAIN_INTERVAL_S:
            self._print(f"{_PHASE_NAMES.get(name, name)} {done}/{total} {detail}".rstrip())
        else:
            return
        self._tracked[name] = time.monotonic()

    def untrack(self, name: str) -> None:
        """Forget the activity, so that it is printed anew when it begins again."""
        self._tracked.pop(name, None)

    def note(self, text: str) -> None:
        """Print a note."""
        self._print(text)

    def iteration(self, figures: Mapping[str, Any]) -> None:
        """Print a line of the table, and the header before the first."""
        if not self._has_header:
            self._print(header())
            self._has_header = True
        self._print(row(figures))

    def _print(self, text: str) -> None:
        self._console.print(
            f"[{time.monotonic() - self._started_at:6.1f} s] {text}", markup=False, highlight=False, soft_wrap=True
        )


def fit_columns(width: int) -> list[str]:
    """The columns that fit on a screen of `width` characters."""
    columns = list(_COLUMNS)
    for name in _DROP_ORDER:
        if len(header(columns)) <= width:
            break
        columns.remove(name)
    return columns


def header(columns: Iterable[str] = _COLUMNS) -> str:
    """The header of the table."""
    return _GAP.join(name.rjust(_COLUMNS[name]) for name in columns)


def row(figures: Mapping[str, Any], columns: Iterable[str] = _COLUMNS) -> str:
    """The line of an iteration and its policy. A star marks a promoted policy."""
    number, seconds = figures["iteration"], figures["seconds"]
    cells = {
        "iter": str(number) if number else ("base" if figures["policy_version"] == 0 else "warm"),
        "policy": f"v{figures['policy_version']}{_PROMOTED if _is_promoted(figures) else ' '}",
        "pass@1": _score(figures),
        "rollouts": _count(figures["rollouts"]),
        "accepted": _count(figures["accepted"]),
        "rate": _share(figures["acceptance_rate"]),
        "blocks": _count(figures["blocks"]),
        "tok/s": _count(figures["tokens_per_s"]),
        "loss": f"{figures['loss']:.3f}" if figures["loss"] is not None else "-",
        "sample s": _count(seconds.get("sample")),
        "learn s": _count(seconds.get("learn")),
        "measure s": _count(seconds.get("measure")),
        "all s": _count(seconds.get("all", sum(seconds.values()))),
    }
    return _GAP.join(cells[name].rjust(_COLUMNS[name]) for name in columns)


def _is_promoted(figures: Mapping[str, Any]) -> bool:
    return bool(figures["promoted_version"] == figures["policy_version"])


def _score(figures: Mapping[str, Any]) -> str:
    value = figures.get("pass@1")
    return "-" if value is None else points(value, figures["measured"]["pass@1"]["standard_error"])


def _share(value: float | None) -> str:
    return f"{100 * value:.1f}" if value is not None else "-"


def _count(value: float | None) -> str:
    return f"{value:.0f}" if value else "-"
