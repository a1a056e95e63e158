"""The support section of a report: a bar per iteration, and the alarm where the supported share fell."""

from collections.abc import Sequence

from eval.report.charts import Series, stacked_chart
from eval.report.markup import escape
from eval.support import SupportCounts, support_alarm
from store.records import Support

_SERIES = (
    (Support.SUPPORTED, "supported", "green"),
    (Support.UNSUPPORTED, "unsupported", "red"),
    (Support.NO_CODE, "no code", "amber"),
)


def support_section(series: Sequence[SupportCounts]) -> str:
    """The section; empty if no rollout was judged."""
    judged = [counts for counts in series if counts.judged]
    if not judged:
        return ""
    alarm = support_alarm(judged)
    warning = f'<p class="card alarm">{escape(alarm[0].upper() + alarm[1:])}.</p>' if alarm else ""
    return (
        '<h2>Support</h2><p class="soft small">An accepted answer is supported if it follows from what the code '
        f"printed. Unsupported ones are right for the wrong reason.</p>{warning}"
        f'<div class="grid">{_chart(judged)}</div>'
    )


def _chart(judged: Sequence[SupportCounts]) -> str:
    series = [
        Series(name, style, [100 * getattr(counts, support.value) / counts.judged for counts in judged])
        for support, name, style in _SERIES
        if any(getattr(counts, support.value) for counts in judged)
    ]
    labels = [str(counts.iteration) for counts in judged]
    chart = stacked_chart(labels, series, label="Accepted rollouts by support and iteration, in percent", unit="%")
    legend = "".join(f'<span><i class="{one.style}"></i>{escape(one.name)}</span>' for one in series)
    last = judged[-1]
    caption = f"Iteration {last.iteration}: {last.supported:,} of {last.judged:,} accepted rollouts are supported."
    return (
        f"<figure><h3>Accepted rollouts by support</h3>{chart}<div class=legend>{legend}</div>"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )
