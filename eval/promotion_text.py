"""Decisions on promotion in plain words."""

from collections.abc import Mapping
from typing import Any

from eval.comparison import Comparison
from eval.figure_text import describe_comparison
from store.records import Decision

_SMALLEST = 0.0001


def describe_assessment(decision: Decision, stored: Mapping[str, Any]) -> str:
    """A decision with its reason and what it rests on, on one line; `stored` is `Policy.assessment`."""
    words = f"{decision_word(decision)}: {stored.get('reason') or 'decided by an earlier version'}"
    comparison = stored.get("comparison")
    if not comparison:
        return words
    found = describe_comparison(Comparison(**comparison))
    p_value, error = p_value_texts(stored)
    tested = f"; p {p_value if p_value.startswith('<') else f'= {p_value}'}, where at most {error} promotes"
    return f"{words}; {found}{tested if p_value else ''}"


def decision_word(decision: Decision) -> str:
    """A decision, such as `not promoted`."""
    return decision.value.replace("_", " ")


def p_value_texts(stored: Mapping[str, Any]) -> tuple[str, str]:
    """The p-value and what it had to be at most, such as (`0.012`, `0.05`); empty if nothing was tested."""
    p_value, error = stored.get("p_value"), stored.get("error")
    if p_value is None or error is None or stored.get("rule") == "always":
        return "", ""
    return _probability(p_value), _probability(error)


def _probability(p: float) -> str:
    return f"{p:.2g}" if p >= _SMALLEST else f"< {_SMALLEST}"
