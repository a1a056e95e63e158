"""Decisions on promotion in plain words."""

from collections.abc import Mapping
from typing import Any

from eval.comparison import Comparison
from eval.figure_text import describe_comparison
from store.records import Decision


def describe_assessment(decision: Decision, stored: Mapping[str, Any]) -> str:
    """A decision with its reason and what it rests on, on one line; `stored` is `Policy.assessment`."""
    words = f"{decision_word(decision)}, because {stored.get('reason') or 'an earlier version decided so'}"
    comparison = stored.get("comparison")
    if not comparison:
        return words
    found = describe_comparison(Comparison(**comparison))
    tested = p_value_text(stored)
    return f"{words}: {found}{f'; {tested}' if tested else ''}"


def decision_word(decision: Decision | None) -> str:
    """A decision, such as `not promoted`."""
    return "open" if decision is None else decision.value.replace("_", " ")


def p_value_text(stored: Mapping[str, Any]) -> str:
    """The p-value with its bound, such as `p = 0.012 of at most 0.05`; empty if nothing was tested."""
    p_value, error = stored.get("p_value"), stored.get("error")
    if p_value is None or error is None or stored.get("rule") == "always":
        return ""
    return f"p = {probability(p_value)} of at most {probability(error)}"


def probability(p: float) -> str:
    """A probability to two digits, such as `0.012` or `< 0.0001`."""
    return f"{p:.2g}" if p >= 1e-4 else "< 0.0001"
