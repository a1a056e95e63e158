"""The page of a report: header, headline score, facts and sections."""

from collections.abc import Sequence
from math import hypot

from eval.report.markup import escape
from eval.report.numbers import percent
from eval.report.records import PolicyScore, Report
from eval.report.run_charts import charts_section
from eval.report.solutions import before_after_section, solutions_section
from eval.report.style import CSS
from eval.report.support import support_section
from eval.report.table import policies_section


def render(report: Report) -> str:
    """The HTML page. Text of models, data sets and files is escaped, and the page may not load or run anything."""
    body = [
        f"<header><h1>{escape(report.name)}</h1><p>{escape(report.about)}</p></header>",
        _headline(report),
        _tiles(report.facts),
        charts_section(report),
        support_section(report.support),
        policies_section(report),
        before_after_section(report.before_after),
        solutions_section(report.solutions),
        "<h2>Configuration</h2><details><summary>All settings of this run</summary>"
        f"<pre>{escape(report.configuration)}</pre></details>",
        f'<footer class="soft small">Written by Automathes on {escape(report.written_at)}; the run was '
        f"{escape(report.state)}.</footer>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.name)} - Automathes</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _headline(report: Report) -> str:
    served = next((p for p in report.policies if p.served), None)
    start = next((p for p in report.policies if p.version == report.start_version), None)
    if served is None or served.score is None:
        return '<p class="card">No policy has been measured yet.</p>'
    note = f"Greedy pass@1 on {served.n:,} held-out problems that were never trained on; ± is one standard error."
    if start is None or start.score is None or start.version == served.version:
        return (
            f'<div class="headline"><span class="scores">{percent(served.score)}</span><span class="soft">'
            f'{escape(served.label)}, the policy that is served</span></div><p class="soft small">{note}</p>'
        )
    gain, error = 100 * (served.score - start.score), 100 * hypot(start.error, served.error)
    direction = "gain" if gain >= 0 else "gain down"
    if sum(policy.was_promoted for policy in report.policies) > 1:
        note += " Promotion uses the same problems, which favours the best of several policies slightly."
    return (
        f'<div class="headline"><span class="scores"><span class="from">{percent(start.score)} →</span> '
        f'{percent(served.score)}</span><span class="{direction}">{gain:+.1f} ± {error:.1f} points</span></div>'
        f"<p>{escape(start.label.capitalize())} ({_score(start)}) to {escape(served.label)}, policy "
        f'v{served.version}, which is served ({_score(served)}).</p><p class="soft small">{note}</p>'
    )


def _score(policy: PolicyScore) -> str:
    return f"{100 * (policy.score or 0.0):.1f} ± {100 * policy.error:.1f}"


def _tiles(facts: Sequence[tuple[str, str]]) -> str:
    tiles = (f'<div class="card small"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in facts)
    return f'<div class="tiles">{"".join(tiles)}</div>'
