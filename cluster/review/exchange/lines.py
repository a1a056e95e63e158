"""JSON lines: an item with its whole history. What comes back needs `key` and `decisions` only."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from cluster.review.exchange.parsing import field, in_effect, solution_text, to_verdict
from store.records import ImportedDecision, ReviewedItem, ReviewVerdict

_OF_ITEM = (
    "key",
    "kind",
    "queue",
    "reason",
    "problem_id",
    "disagreement",
    "doubt",
    "value",
    "state",
    "verdict",
    "settled_at",
    "effect",
)


def to_line(reviewed: ReviewedItem) -> dict[str, Any]:
    """The row of an item."""
    item, rollout = asdict(reviewed.item), reviewed.rollout
    effective = {one.id for one in in_effect(reviewed)}
    decisions = [
        {
            "reviewer": one.reviewer,
            "verdict": one.verdict.value,
            "note": one.note,
            "edited": one.edit and one.edit.text,
            "decided_at": one.decided_at,
            "source": one.source,
            "undone": one.id not in effective,
        }
        for one in reviewed.decisions
        if one.verdict is not ReviewVerdict.UNDO
    ]
    return {
        **{name: item[name] for name in _OF_ITEM},
        "question": reviewed.question,
        "label": reviewed.label,
        "proposed_answer": reviewed.proposed_answer,
        "solution": solution_text(rollout),
        "answer": rollout and rollout.answer,
        "outcome": rollout and rollout.outcome.value,
        "decisions": decisions,
    }


def from_line(row: Any, _: Mapping[str, str]) -> Iterator[ImportedDecision]:
    """The decisions of a row that were not undone. Raises `BadRecordError` if it is none."""
    key = field(row, "key", str)
    for decision in field(row, "decisions", list, []):
        if not field(decision, "undone", bool, False):
            verdict = to_verdict(decision.get("verdict"))
            reviewer, note = field(decision, "reviewer", str), field(decision, "note", str, "").strip()
            edited = field(decision, "edited", str) if verdict is ReviewVerdict.EDIT else None
            yield ImportedDecision(key, reviewer, verdict, note, edited)
