"""The benchmark section of a report: the table of the MARIO paper with the run's policies, and all their figures."""

from collections.abc import Sequence

from eval.benchmarks.results import BenchReport
from eval.benchmarks.tables import comparison_table, figures_table
from eval.report.text_table import to_html


def benchmarks_section(reports: Sequence[BenchReport]) -> str:
    """The section; empty if no policy was measured on a benchmark."""
    if not reports:
        return ""
    return (
        '<h2>Benchmarks</h2><p class="soft small">Public benchmarks, of which nothing is trained on. Each answer is '
        f"judged by every rule that applies.</p>{to_html(comparison_table(reports))}"
        f"<details><summary>All figures</summary>{to_html(figures_table(reports))}</details>"
    )
