"""Tables of texts, as HTML."""

from collections.abc import Sequence

from eval.report.markup import escape
from eval.tables.table import Table


def to_html(table: Table) -> str:
    """A table with its notes below and without its title; all of it is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "".join(_row(row, emphasised=position in table.emphasised) for position, row in enumerate(table.rows))
    notes = "".join(f'<p class="soft small">{escape(note)}</p>' for note in table.notes)
    return f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{notes}'


def to_section(table: Table) -> str:
    """A table below its title."""
    return f"<h2>{escape(table.title)}</h2>{to_html(table)}"


def _row(cells: Sequence[str], *, emphasised: bool) -> str:
    first, *others = map(escape, cells)
    first = f"<b>{first}</b>" if emphasised else first
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in (first, *others))}</tr>"
