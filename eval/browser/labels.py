"""Words and numbers that several pages share."""

import time

from eval.report.markup import escape
from eval.report.style import OUTCOMES
from store.records import Outcome

OUTCOME_NAMES = {outcome: name for outcome, name, _ in OUTCOMES}


def outcome_pill(outcome: Outcome) -> str:
    """An outcome as a label in its colour, as HTML."""
    return f'<span class="pill {outcome.value}">{escape(OUTCOME_NAMES[outcome])}</span>'


def time_text(at: float) -> str:
    """A time in Unix seconds, in the server's time zone, to the minute."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))


def seconds_text(seconds: float) -> str:
    """Seconds with the digits that matter, such as `20 ms`, `4.2 s` or `140 s`."""
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s"
