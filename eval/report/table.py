"""The table of a report: one row per policy, with the iteration that published it."""

from collections.abc import Mapping, Sequence

from eval.figure_text import figure_points, gain, incomplete
from eval.report.markup import escape
from eval.report.numbers import duration
from eval.report.records import IterationStats, PolicyScore, Report
from store.runs.figures import Figure

_ITERATION_COLUMNS = ("rollouts", "accepted", "rate", "blocks run", "tokens/s", "loss", "time")


def policies_section(report: Report) -> str:
    """The table with its heading."""
    iteration_of = {iteration.policy_version: iteration for iteration in report.iterations}
    other_metrics = report.sampled_metrics
    columns = ["policy", "from", "pass@1", "difference", *other_metrics, *_ITERATION_COLUMNS]
    rows = [_row(policy, iteration_of.get(policy.version), other_metrics) for policy in report.policies]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    return (
        '<h2>Policies and their iterations</h2><p class="soft small">Rollouts are in the row of the policy that was '
        "trained on them. Bold: the policy that is served. ± is one standard error. The difference is that of pass@1 "
        "from the policy promoted before, on the same problems.</p>"
        f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
        + _gaps(report.policies)
    )


def _gaps(policies: Sequence[PolicyScore]) -> str:
    """The problems that figures lack, and the attempts without a verdict; empty if there are none."""
    gaps = {policy.version: [*incomplete(_figures(policy)), *policy.omissions] for policy in policies}
    items = [f"<li>v{version}: {escape('; '.join(found))}</li>" for version, found in gaps.items() if found]
    return f'<ul class="soft small">{"".join(items)}</ul>' if items else ""


def _figures(policy: PolicyScore) -> Mapping[str, Figure]:
    return ({"pass@1": policy.figure} if policy.figure else {}) | dict(policy.other_figures)


def _row(policy: PolicyScore, iteration: IterationStats | None, other_metrics: Sequence[str]) -> str:
    cells = [f"v{policy.version}", policy.label]
    cells.append("-" if policy.figure is None else figure_points(policy.figure))
    cells.append("" if policy.comparison is None else gain(policy.comparison))
    cells += [
        figure_points(policy.other_figures[name]) if name in policy.other_figures else "" for name in other_metrics
    ]
    cells += _iteration_cells(iteration) if iteration else [""] * len(_ITERATION_COLUMNS)
    style = ' class="served"' if policy.served else ""
    return f"<tr{style}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _iteration_cells(iteration: IterationStats) -> list[str]:
    sampled = iteration.rollouts > 0
    return [
        f"{iteration.rollouts:,}" if sampled else "",
        f"{iteration.accepted:,}" if sampled else "",
        f"{iteration.acceptance_percent:.1f} %" if sampled else "",
        f"{iteration.blocks:,}" if iteration.blocks else "",
        f"{iteration.tokens_per_s:,.0f}" if iteration.tokens_per_s else "",
        f"{iteration.loss:.3f}" if iteration.loss is not None else "",
        duration(sum(iteration.seconds.values())),
    ]
