"""The promotion section of a report: each decision, with the interval of the difference that it rests on."""

from collections.abc import Sequence

from eval.comparison import Comparison
from eval.figure_text import gain_interval
from eval.promotion_text import decision_word, p_value_texts
from eval.report.markup import escape
from eval.report.records import PolicyScore

_COLUMNS = (
    "policy", "against", "difference", "95 % interval", "", "problems", "gained", "lost", "p", "at most", "decision"
)  # fmt: skip
_WIDTH, _HEIGHT, _MIDDLE = 120, 16, 60  # of an interval's drawing, in pixels


def promotions_section(policies: Sequence[PolicyScore]) -> str:
    """The section; empty if no policy was compared with another."""
    decided = [policy for policy in policies if policy.decision is not None]
    comparisons = [policy.comparison for policy in decided if policy.comparison is not None]
    if not comparisons:
        return ""
    reach = max(max(abs(one.low), abs(one.high)) for one in comparisons)
    head = "".join(f"<th>{escape(name)}</th>" for name in _COLUMNS)
    return (
        '<h2>Promotions</h2><p class="soft small">Each policy is compared with the one that is served, on the held-out '
        "problems that both attempted. Gained are problems that only the new policy solves, lost those that only the "
        "served one solves. p is the probability of so good a result if the policy did not meet the rule. The policy "
        "is promoted if p is at most the number beside it, a share of the error that the confidence allows.</p>"
        f'<div class="card scroll"><table class="promotions"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(_row(policy, reach) for policy in decided)}</tbody></table></div>"
    )


def _row(policy: PolicyScore, reach: float) -> str:
    assert policy.decision is not None
    stored = policy.assessment
    cells = [escape(f"v{policy.version}")]
    cells += _compared(policy.comparison, stored.get("against"), reach) if policy.comparison else [""] * 7
    cells += map(escape, p_value_texts(stored))
    reason = stored.get("reason")
    words = f"<b>{escape(decision_word(policy.decision))}</b>"
    cells.append(f"{words}: {escape(reason)}" if reason else words)
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _compared(comparison: Comparison, against: int | None, reach: float) -> list[str]:
    pairs = comparison.pairs
    return [
        "" if against is None else f"v{against}",
        f"{100 * comparison.difference:+.1f}",
        escape(gain_interval(comparison)),
        _drawing(comparison, reach),
        f"{comparison.n:,}",
        "" if pairs is None else f"{pairs.gained:,}",
        "" if pairs is None else f"{pairs.lost:,}",
    ]


def _drawing(comparison: Comparison, reach: float) -> str:
    """The interval as a line with a point, beside a line at zero."""
    low, value, high = (_x(share, reach) for share in (comparison.low, comparison.difference, comparison.high))
    middle = _HEIGHT / 2
    style = "up" if comparison.low > 0 else "down" if comparison.high < 0 else "open"
    return (
        f'<svg class="interval {style}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(gain_interval(comparison))}">'
        f'<line class="zero" x1="{_MIDDLE}" x2="{_MIDDLE}" y1="0" y2="{_HEIGHT}"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<circle cx="{value:.1f}" cy="{middle}" r="3.5"/></svg>'
    )


def _x(share: float, reach: float) -> float:
    return _MIDDLE + (_MIDDLE - 6) * share / reach if reach else _MIDDLE
