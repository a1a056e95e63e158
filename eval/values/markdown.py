"""The report on a value model as Markdown."""

from collections.abc import Sequence

from eval.values.records import ValueReport
from eval.values.wording import (
    CALIBRATION_COLUMNS,
    METHOD_NAMES,
    SLICE_COLUMNS,
    calibration_rows,
    headline,
    interval_note,
    picking_rows,
    scope,
    slice_rows,
    verdict,
)


def to_markdown(report: ValueReport) -> str:
    """The report with all its tables; the plots are on the page alone."""
    parts = [
        f"# Value model {report.model_version} of {report.run}",
        scope(report),
        _table(("figure", "value"), [list(row) for row in headline(report)]),
        f"{verdict(report)} {interval_note(report)}.",
        "## Accuracy of choosing one of k attempts\n\nPercent of problems, ± one standard error.",
        _table(("k", *METHOD_NAMES.values()), picking_rows(report)),
        "## Calibration",
        _table(CALIBRATION_COLUMNS, calibration_rows(report)),
        "## By length",
        _table(SLICE_COLUMNS, slice_rows(report.assessment.by_length)),
        "## By code blocks",
        _table(SLICE_COLUMNS, slice_rows(report.assessment.by_blocks)),
    ]
    return "\n\n".join(parts) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)
