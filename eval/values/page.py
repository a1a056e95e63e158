"""The report on a value model as one HTML page with plots."""

from eval.report.charts import Point, Series, curves_chart, line_chart
from eval.report.document import document
from eval.report.markup import escape
from eval.report.text_table import to_section
from eval.tables.table import Table
from eval.values.records import ValueReport
from eval.values.wording import (
    CHOOSING,
    METHOD_NAMES,
    SLICE_COLUMNS,
    headline,
    interval_note,
    picking_rows,
    scope,
    slice_rows,
    verdict,
)

_STYLES = {"pass": "grey", "best": "blue", "weighted": "green", "maj": "orange", "random": "violet"}


def to_page(report: ValueReport) -> str:
    """The HTML page, which may not load or run anything."""
    title = f"Value model {report.model_version} of {report.run}"
    tiles = "".join(
        f'<div class="card small"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in headline(report)
    )
    parts = [
        f"<header><h1>{escape(title)}</h1><p>{escape(scope(report))}</p></header>",
        f'<div class="tiles">{tiles}</div>',
        f"<p>{escape(verdict(report))} {escape(interval_note(report))}.</p>",
        f'<div class="grid">{_picking_chart(report)}{_calibration_chart(report)}</div>',
        to_section(Table(CHOOSING, ("k", *METHOD_NAMES.values()), picking_rows(report))),
        to_section(Table("By length", SLICE_COLUMNS, slice_rows(report.assessment.by_length))),
        to_section(Table("By code blocks", SLICE_COLUMNS, slice_rows(report.assessment.by_blocks))),
    ]
    return document(title, "".join(parts))


def _picking_chart(report: ValueReport) -> str:
    picking = report.assessment.picking
    series = [
        Series(METHOD_NAMES[name], _STYLES[name], [100 * figure.value for figure in picking.figures[name]])
        for name in METHOD_NAMES
    ]
    title = CHOOSING
    chart = curves_chart([str(k) for k in picking.ks], series, label=f"{title}, in percent", unit="%", ceiling=100.0)
    legend = "".join(f'<span><i class="{one.style}"></i>{escape(one.name)}</span>' for one in series)
    return (
        f"<figure><h3>{title}</h3>{chart}<div class=legend>{legend}</div>"
        f"<figcaption>In expectation over the subsets of each problem's attempts.</figcaption></figure>"
    )


def _calibration_chart(report: ValueReport) -> str:
    points = [
        Point(
            label=f"{100 * one.score:.0f}",
            value=100 * one.right,
            low=None if one.low is None else 100 * one.low,
            high=None if one.high is None else 100 * one.high,
            marked=True,
            title=f"score {one.start:.1f} to {one.end:.1f}: {100 * one.right:.1f} % of {one.attempts:,} attempts right",
        )
        for one in report.assessment.calibration.bins
    ]
    expected = [100 * one.score for one in report.assessment.calibration.bins]
    title = "Right attempts by score"
    chart = line_chart(points, label=f"{title}, in percent", unit="%", ceiling=100.0, reference=expected)
    caption = (
        "Ten bins of scores, at their mean in percent; dashed: what a calibrated score would have. 95 % intervals."
    )
    return f"<figure><h3>{title}</h3>{chart}<figcaption>{caption}</figcaption></figure>"
