"""Tables of records from a run's store, and untrusted text made safe for a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from store.records import accepted_answers

_MAX_CHARS, _MIN_CHARS = 32, 20  # of a column
_GAP_CHARS = 2


def print_table(console: Console, rows: Sequence[Mapping[str, str]], widest: str = "") -> None:
    """Print a table with a line per row; the column `widest` is cut to the width that the others leave.

    Cells are printed literally: markup in them has no effect.
    """
    if not rows:
        return
    cells = {name: [printable(row[name]) for row in rows] for name in rows[0]}
    widths = {name: min(max(map(len, (name, *texts))), _MAX_CHARS) for name, texts in cells.items() if name != widest}
    left = max(console.width - sum(widths.values()) - _GAP_CHARS * len(widths), _MIN_CHARS)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in cells:
        width = widths.get(name, left)
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=min(width, len(name)), max_width=width)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def format_label(label: str) -> str:
    """The answers that a label accepts, on one line."""
    return " or ".join(map(printable, accepted_answers(label)))


def printable(text: str) -> str:
    """The text on one line, without control characters, which could manipulate the terminal."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def printable_lines(text: str) -> str:
    """The text without control characters, with its line breaks and indentation."""
    lines = text.expandtabs(4).split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def percent(probability: float) -> str:
    """A probability as a percentage that never reaches 100."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"
