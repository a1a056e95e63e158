"""Tables as Markdown."""

import re

from eval.tables.table import Table

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|])")
_PLAIN = re.compile(r"[\w.,:±–@+/()%\[\] -]*")


def to_markdown(table: Table) -> str:
    """A table with its title as a heading and its notes below."""
    lines = [f"### {table.title}", "", _line(table.header)]
    lines.append(_line([":---" if column < table.labels else "---:" for column in range(len(table.header))], raw=True))
    for position, row in enumerate(table.rows):
        cells = [_escaped(cell) for cell in row]
        if position in table.emphasised:
            cells[0] = f"**{cells[0]}**"
        lines.append(_line(cells, raw=True))
    notes = [f"- {_escaped(note)}" for note in table.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _line(cells: object, *, raw: bool = False) -> str:
    assert isinstance(cells, list | tuple)
    return f"| {' | '.join(cell if raw else _escaped(cell) for cell in cells)} |"


def _escaped(text: str) -> str:
    text = " ".join(text.split())
    return text if _PLAIN.fullmatch(text) and "_" not in text else _SPECIAL.sub(r"\\\1", text)
