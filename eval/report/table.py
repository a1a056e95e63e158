"""The table of a report: one row per policy, with the iteration that published it."""

from collections.abc import Sequence

from eval.report.markup import escape
from eval.report.numbers import duration
from eval.report.records import IterationStats, PolicyScore, Report

_ITERATION_COLUMNS = ("rollouts", "accepted", "rate", "blocks run", "tokens/s", "loss", "time")


def policies_section(report: Report) -> str:
    """The table with its heading."""
    iteration_of = {iteration.policy_version: iteration for iteration in report.iterations}
    other_metrics = sorted({name for policy in report.policies for name in policy.other_metrics})
    columns = ["policy", "from", "pass@1", *other_metrics, *_ITERATION_COLUMNS]
    rows = [_row(policy, iteration_of.get(policy.version), other_metrics) for policy in report.policies]
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    return (
        '<h2>Policies and their iterations</h2><p class="soft small">Rollouts are in the row of the policy that was '
        "trained on them. Bold: the policy that is served.</p>"
        f'<div class="card scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )


def _row(policy: PolicyScore, iteration: IterationStats | None, other_metrics: Sequence[str]) -> str:
    score = "-" if policy.score is None else f"{100 * policy.score:.1f} ± {100 * policy.error:.1f}"
    cells = [f"v{policy.version}", policy.label, score]
    cells += [
        f"{100 * policy.other_metrics[name]:.1f}" if name in policy.other_metrics else "" for name in other_metrics
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
