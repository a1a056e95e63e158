"""The report on a value model as Markdown."""

from eval.tables.markdown import to_markdown as table_to_markdown
from eval.tables.table import Table
from eval.values.records import ValueReport
from eval.values.wording import (
    CALIBRATION_COLUMNS,
    CHOOSING,
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
    assessment = report.assessment
    tables = [
        Table("Figures", ("figure", "value"), [list(row) for row in headline(report)]),
        Table(
            CHOOSING,
            ("k", *METHOD_NAMES.values()),
            picking_rows(report),
            notes=("percent of problems, ± one standard error",),
        ),
        Table("Calibration", CALIBRATION_COLUMNS, calibration_rows(report)),
        Table("By length", SLICE_COLUMNS, slice_rows(assessment.by_length)),
        Table("By code blocks", SLICE_COLUMNS, slice_rows(assessment.by_blocks)),
    ]
    head = f"# Value model {report.model_version} of {report.run}\n\n{scope(report)}"
    said = f"{verdict(report)} {interval_note(report)}."
    return "\n\n".join([head, said, *(table_to_markdown(table).rstrip("\n") for table in tables)]) + "\n"
