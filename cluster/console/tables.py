"""What the commands that look into a run's store print: tables, and texts of strangers that cannot harm a terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from store.records import accepted_answers

_MOST_CHARS, _FEWEST_CHARS = 32, 20  # of a column
_GAP_CHARS = 2


def print_table(console: Console, rows: Sequence[Mapping[str, str]], widest: str = "") -> None:
    """A line for each row under the names of the columns; the column `widest` is cut to the room that others leave.

    Cells are shown as they are: what looks like markup is not.
    """
    if not rows:
        return
    cells = {name: [printable(row[name]) for row in rows] for name in rows[0]}
    widths = {name: min(max(map(len, (name, *texts))), _MOST_CHARS) for name, texts in cells.items() if name != widest}
    left = max(console.width - sum(widths.values()) - _GAP_CHARS * len(widths), _FEWEST_CHARS)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in cells:
        width = widths.get(name, left)
        table.add_column(name, no_wrap=True, overflow="ellipsis", min_width=min(width, len(name)), max_width=width)
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def answer_shown(label: str) -> str:
    """The answers that a label accepts, on one line."""
    return " or ".join(map(printable, accepted_answers(label)))


def printable(text: str) -> str:
    """On one line and without control characters, which could move the cursor or worse."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def printable_lines(text: str) -> str:
    """The same with its line breaks and indents."""
    lines = text.expandtabs(4).split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def percent(probability: float) -> str:
    """As a percentage that does not claim to be certain."""
    return ">99.9%" if probability > 0.999 else f"{probability:.1%}"
