"""The tables of a report: the paper's with ours beside it, all figures with intervals, and what they cost."""

from collections.abc import Iterable, Sequence

from eval.benchmarks.quoted import COLUMNS, QUOTED, SOURCE
from eval.benchmarks.registry import BENCHMARKS
from eval.benchmarks.results import BenchmarkResult, BenchReport, Cost
from eval.figure_text import figure_points, interval_of, interval_points, omissions
from eval.judging.rules import RULES
from eval.tables.table import Table
from store.runs.figures import Figure

_ABSENT = "–"


def all_tables(reports: Sequence[BenchReport]) -> list[Table]:
    """The three tables."""
    return [comparison_table(reports), figures_table(reports), costs_table(reports)]


def comparison_table(reports: Sequence[BenchReport]) -> Table:
    """The paper's table with our policies below: the percentage of problems solved, ours with 95 % intervals."""
    measured = {result.benchmark for report in reports for result in report.results}
    columns = [name for name in BENCHMARKS if name in COLUMNS or name in measured]
    columns.sort(key=lambda name: (name not in COLUMNS, list(BENCHMARKS).index(name)))
    rows = [
        [f"{row.model} (quoted)", row.method, "", *(_percent(row.percent.get(name)) for name in columns)]
        for row in QUOTED
    ]
    ours = [line for report in reports for line in _our_lines(report, columns)]
    return Table(
        title="Problems solved, in percent",
        header=["model", "method", "rule", *(BENCHMARKS[name].title for name in columns)],
        rows=[*rows, *ours],
        labels=3,
        notes=[f"quoted: figures of {SOURCE}, for models of 7 billion parameters", *_parts(reports)],
        emphasised=frozenset(range(len(rows), len(rows) + len(ours))),
    )


def figures_table(reports: Sequence[BenchReport]) -> Table:
    """Every figure by rule of judging, with its standard error and interval."""
    rows = [
        [
            report.model,
            result.title,
            RULES[rule].title,
            metric,
            figure_points(figure),
            interval_points(figure),
            f"{figure.n:,}",
        ]
        for report in reports
        for result in report.results
        for rule, score in result.scores.items()
        for metric, figure in _named(result, score.figures.items())
    ]
    header = ["model", "benchmark", "rule", "metric", "% ± standard error", "95 % interval", "problems"]
    notes = [
        f"{report.model}, {result.title}, {RULES[rule].title}: {text}"
        for report in reports
        for result in report.results
        for rule, score in result.scores.items()
        for text in omissions(score.undecided, score.unverifiable)
    ]
    notes += [
        f"{report.model}, {result.title}: {result.faults:,} attempts ended in a system fault and are not counted"
        for report in reports
        for result in report.results
        if result.faults
    ]
    return Table("Figures", header, rows, labels=4, notes=notes)


def costs_table(reports: Sequence[BenchReport]) -> Table:
    """Tokens and time of the attempts."""
    rows = [
        [report.model, result.title, _method(result), f"{result.cost.attempts:,}", *_cost_cells(result.cost)]
        for report in reports
        for result in report.results
    ]
    header = ["model", "benchmark", "method", "attempts", "tokens", "tokens each", "minutes", "GPU-hours"]
    return Table("Cost", header, rows, labels=3, notes=["minutes: by the clock, without interruptions"])


def _our_lines(report: BenchReport, columns: Sequence[str]) -> list[list[str]]:
    """A line for each method and rule that has a figure."""
    lines = []
    for rule in RULES:
        cells: dict[str, dict[str, str]] = {}
        for result in report.results:
            score = result.scores.get(rule)
            for metric, figure in _headline(result, score.figures.items() if score else ()):
                cells.setdefault(metric, {})[result.benchmark] = _with_interval(figure)
        lines += [
            [report.model, method, RULES[rule].title, *(found.get(name, _ABSENT) for name in columns)]
            for method, found in cells.items()
        ]
    return sorted(lines, key=lambda line: line[1] != "greedy")


def _headline(result: BenchmarkResult, figures: Iterable[tuple[str, Figure]]) -> list[tuple[str, Figure]]:
    """The figures that compare with the paper's: one attempt, or the choice among several."""
    named = _named(result, figures)
    return named if result.samples == 1 else [(name, one) for name, one in named if not name.startswith("pass@")]


def _named(result: BenchmarkResult, figures: Iterable[tuple[str, Figure]]) -> list[tuple[str, Figure]]:
    return [("greedy" if result.is_greedy and metric == "pass@1" else metric, figure) for metric, figure in figures]


def _method(result: BenchmarkResult) -> str:
    return "greedy" if result.is_greedy else f"{result.samples} at temperature {result.temperature:g}"


def _parts(reports: Sequence[BenchReport]) -> list[str]:
    """Notes on the benchmarks of which only a part was attempted."""
    parts = dict.fromkeys(
        f"{report.model}: {result.problems:,} of the {result.size:,} problems of {result.title}"
        for report in reports
        for result in report.results
        if result.problems < result.size
    )
    return list(parts)


def _cost_cells(cost: Cost) -> list[str]:
    each = cost.tokens / cost.attempts if cost.attempts else 0.0
    hours = _ABSENT if cost.gpu_hours is None else f"{cost.gpu_hours:.2f}"
    return [f"{cost.tokens:,}", f"{each:,.0f}", f"{cost.wall_s / 60:,.1f}", hours]


def _percent(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.1f}"


def _with_interval(figure: Figure) -> str:
    interval = interval_of(figure)
    text = f"{100 * figure.value:.1f}"
    return text if interval is None else f"{text} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"
