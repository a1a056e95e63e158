"""What the commands that look into a run's store print: tables, and texts of strangers that cannot harm a terminal."""

from rich.table import Table
from rich.text import Text


def plain_table(**columns: bool) -> Table:
    """A table without lines. A column that is True takes the room that is left and wraps; the others stay on a line."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, wraps in columns.items():
        table.add_column(name.replace("_", " "), ratio=1 if wraps else None, no_wrap=not wraps, max_width=60)
    return table


def add_row(table: Table, *cells: str) -> None:
    """A row of texts as they are: what looks like markup is not."""
    table.add_row(*(Text(printable(cell), overflow="ellipsis") for cell in cells))


def printable(text: str) -> str:
    """On one line and without control characters, which could move the cursor or worse."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))


def printable_lines(text: str) -> str:
    """The same with its line breaks and indents."""
    lines = text.expandtabs(4).split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
