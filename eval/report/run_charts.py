"""The charts of a report: scores by policy; acceptance, outcomes and time by iteration."""

from collections.abc import Mapping, Sequence

from eval.figure_text import count, describe, interval_of, interval_points
from eval.report.charts import Point, Series, line_chart, stacked_chart
from eval.report.markup import escape
from eval.report.numbers import time_unit
from eval.report.records import IterationStats, PolicyScore, Report
from eval.report.style import OTHER_PHASES, OUTCOMES, PHASES
from store.runs.figures import Figure


def charts_section(report: Report) -> str:
    """All charts for which there is data; empty if there is none."""
    sampled = [iteration for iteration in report.iterations if iteration.rollouts]
    timed = [iteration for iteration in report.iterations if iteration.seconds]
    charts = [_figures_chart(report.policies, "pass@1", {p.version: p.figure for p in report.policies if p.figure})]
    for name in report.sampled_metrics:
        found = {p.version: p.other_figures[name] for p in report.policies if name in p.other_figures}
        charts.append(_figures_chart(report.policies, name, found))
    if sampled:
        charts += [_acceptance_chart(sampled), _outcomes_chart(sampled)]
    if timed:
        charts.append(_seconds_chart(timed))
    return f'<h2>How it went</h2><div class="grid">{"".join(charts)}</div>' if any(charts) else ""


def _figures_chart(policies: Sequence[PolicyScore], metric: str, figures: Mapping[int, Figure]) -> str:
    """A metric by policy with its intervals; empty if no policy has it."""
    points = [_point(policy, metric, figures[policy.version]) for policy in policies if policy.version in figures]
    if not points:
        return ""
    title = f"Held-out {metric} by policy"
    chart = line_chart(points, label=f"{title}, in percent", unit="%", ceiling=100.0)
    legend = '<span><i class="ring full"></i>promoted</span><span><i class="ring"></i>not promoted</span>'
    how = "Greedy" if metric == "pass@1" else "Sampled"
    incomplete = sum(bool(figure.missing) for figure in figures.values())
    lacks = f" {count(incomplete, 'figure')} over fewer problems: see the table." if incomplete else ""
    return _figure(title, chart, f"{how}, with 95 % intervals.{lacks}", legend)


def _point(policy: PolicyScore, metric: str, figure: Figure) -> Point:
    low, high = interval_of(figure) or (figure.value, figure.value)
    return Point(
        label=f"v{policy.version}",
        value=100 * figure.value,
        low=100 * low,
        high=100 * high,
        marked=policy.was_promoted,
        title=f"v{policy.version}, {policy.label}: {describe(metric, figure)}, 95 % interval {interval_points(figure)}",
    )


def _acceptance_chart(iterations: Sequence[IterationStats]) -> str:
    points = [
        Point(
            str(i.number),
            i.acceptance_percent,
            marked=True,
            title=f"iteration {i.number}: {i.accepted:,} of {i.counted:,}",
        )
        for i in iterations
    ]
    chart = line_chart(points, label="Acceptance rate by iteration, in percent", unit="%", ceiling=100.0)
    caption = "Accepted attempts at training problems, of those that count for or against the policy."
    return _figure("Acceptance rate by iteration", chart, caption)


def _outcomes_chart(iterations: Sequence[IterationStats]) -> str:
    series = [
        Series(name, style, [100 * i.outcomes.get(outcome.value, 0) / i.rollouts for i in iterations])
        for outcome, name, style in OUTCOMES
        if any(i.outcomes.get(outcome.value) for i in iterations)
    ]
    chart = stacked_chart(
        [str(i.number) for i in iterations], series, label="Outcomes by iteration, in percent", unit="%"
    )
    return _figure("Outcomes by iteration", chart, "Shares of the attempts at training problems.", _legend(series))


def _seconds_chart(iterations: Sequence[IterationStats]) -> str:
    unit, symbol, size_s = time_unit(max(sum(i.seconds.values()) for i in iterations))
    known = {phase for phase, _, _ in PHASES}
    series = [
        Series(name, style, [i.seconds.get(phase, 0.0) / size_s for i in iterations]) for phase, name, style in PHASES
    ]
    other = [sum(s for phase, s in i.seconds.items() if phase not in known) / size_s for i in iterations]
    series = [one for one in [*series, Series(*OTHER_PHASES, other)] if any(one.values)]
    chart = stacked_chart([str(i.number) for i in iterations], series, label=f"Time by phase, in {unit}", unit=symbol)
    return _figure(
        "Time by phase and iteration", chart, f"Wall clock, in {unit}, without the start of the run.", _legend(series)
    )


def _figure(title: str, chart: str, caption: str, legend: str = "") -> str:
    return (
        f"<figure><h3>{escape(title)}</h3>{chart}{f'<div class=legend>{legend}</div>' if legend else ''}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _legend(series: Sequence[Series]) -> str:
    return "".join(f'<span><i class="{one.style}"></i>{escape(one.name)}</span>' for one in series)
