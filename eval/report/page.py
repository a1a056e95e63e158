"""The page of a report: header, headline score, facts and sections."""

from collections.abc import Sequence

from eval.comparison import Comparison
from eval.figure_text import count, coverage, figure_points, gain, gain_interval
from eval.report.benchmarks import benchmarks_section
from eval.report.document import document
from eval.report.markup import escape
from eval.report.numbers import percent
from eval.report.promotions import promotions_section
from eval.report.records import Report
from eval.report.run_charts import charts_section
from eval.report.solutions import before_after_section, solutions_section
from eval.report.support import support_section
from eval.report.table import policies_section


def render(report: Report) -> str:
    """The HTML page. Text of models, data sets and files is escaped, and the page may not load or run anything."""
    return document(report.name, render_content(report))


def render_content(report: Report) -> str:
    """What the page shows, without the page around it."""
    parts = [
        f"<header><h1>{escape(report.name)}</h1><p>{escape(report.about)}</p></header>",
        _headline(report),
        _tiles(report.facts),
        charts_section(report),
        support_section(report.support),
        policies_section(report),
        promotions_section(report.policies),
        benchmarks_section(report.benchmarks),
        before_after_section(report.before_after),
        solutions_section(report.solutions),
        "<h2>Configuration</h2><details><summary>All settings of this run</summary>"
        f"<pre>{escape(report.configuration)}</pre></details>",
        f'<footer class="soft small">Written by Automathes on {escape(report.written_at)}; the run was '
        f"{escape(report.state)}.</footer>",
    ]
    return "".join(parts)


def _headline(report: Report) -> str:
    served = next((p for p in report.policies if p.served), None)
    start = next((p for p in report.policies if p.version == report.start_version), None)
    if served is None or served.figure is None:
        return '<p class="card">No policy has been measured yet.</p>'
    note = f"Greedy pass@1 on {coverage(served.figure)}, held out and never trained on; ± is one standard error."
    if start is None or start.figure is None or start.version == served.version:
        return (
            f'<div class="headline"><span class="scores">{percent(served.figure.value)}</span><span class="soft">'
            f'{escape(served.label)}, the policy that is served</span></div><p class="soft small">{escape(note)}</p>'
        )
    if sum(policy.was_promoted for policy in report.policies) > 1:
        note += " Promotion uses the same problems, which favours the best of several policies slightly."
    return (
        f'<div class="headline"><span class="scores"><span class="from">{percent(start.figure.value)} →</span> '
        f"{percent(served.figure.value)}</span>{_gain(report.gain)}</div>"
        f"<p>{escape(start.label.capitalize())} ({figure_points(start.figure)}) to {escape(served.label)}, policy "
        f"v{served.version}, which is served ({figure_points(served.figure)}).{_gain_interval(report.gain)}</p>"
        f'<p class="soft small">{escape(note)}</p>'
    )


def _gain(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    style = "gain" if comparison.difference >= 0 else "gain down"
    return f'<span class="{style}">{gain(comparison)} points</span>'


def _gain_interval(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    problems = count(comparison.n, "problem")
    return f" On the {problems} that both attempted, the 95 % interval of the gain is {gain_interval(comparison)}."


def _tiles(facts: Sequence[tuple[str, str]]) -> str:
    tiles = (f'<div class="card small"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in facts)
    return f'<div class="tiles">{"".join(tiles)}</div>'
