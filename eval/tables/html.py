"""Tables as HTML."""

from eval.report.markup import escape
from eval.tables.table import Table


def to_html(table: Table) -> str:
    """A table with its title as a heading and its notes below; all of it is escaped."""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "".join(_row(row, is_ours=position in table.emphasised) for position, row in enumerate(table.rows))
    notes = "".join(f'<p class="soft small">{escape(note)}</p>' for note in table.notes)
    return (
        f'<h2>{escape(table.title)}</h2><div class="card scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{notes}"
    )


def _row(cells: object, *, is_ours: bool) -> str:
    assert isinstance(cells, list | tuple)
    style = ' class="served"' if is_ours else ""
    return f"<tr{style}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
