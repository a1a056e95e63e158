"""The benchmark section of a report: the table of the MARIO paper with the run's policies, and all their figures."""

from collections.abc import Sequence

from eval.benchmarks.results import BenchReport
from eval.benchmarks.tables.contents import comparison_table, figures_table
from eval.benchmarks.tables.table import Table
from eval.report.markup import escape


def benchmarks_section(reports: Sequence[BenchReport]) -> str:
    """The section; empty if no policy was measured on a benchmark."""
    if not reports:
        return ""
    return (
        '<h2>Benchmarks</h2><p class="soft small">Public benchmarks, of which nothing is trained on. Each answer is '
        f"judged by every rule that applies.</p>{_table(comparison_table(reports))}"
        f"<details><summary>All figures</summary>{_table(figures_table(reports))}</details>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.header)
    rows = "".join(_row(row, emphasised=position in table.emphasised) for position, row in enumerate(table.rows))
    notes = "".join(f'<p class="soft small">{escape(note)}</p>' for note in table.notes)
    return f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{notes}'


def _row(cells: Sequence[str], *, emphasised: bool) -> str:
    first, *others = map(escape, cells)
    first = f"<b>{first}</b>" if emphasised else first
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in (first, *others))}</tr>"
