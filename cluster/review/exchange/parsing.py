"""What both forms share: the text of a solution, the decisions in effect, and checks of what is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from store.records import ReviewDecision, ReviewedItem, ReviewVerdict, Rollout, SegmentKind

_FENCES = {SegmentKind.CODE: "python", SegmentKind.OUTPUT: "output"}
_VERDICTS = {verdict.value: verdict for verdict in ReviewVerdict if verdict is not ReviewVerdict.UNDO}


class BadRecordError(ValueError):
    """A record of a file has not the form that it should have."""


def solution_text(rollout: Rollout | None) -> str | None:
    """A solution as Markdown, with what its code printed."""
    if rollout is None:
        return None
    parts = []
    for segment in rollout.segments:
        if segment.kind is SegmentKind.TEXT:
            parts.append(segment.text.strip("\n"))
        elif segment.kind in _FENCES:
            parts.append(f"```{_FENCES[segment.kind]}\n{segment.text.rstrip()}\n```")
    return "\n".join(parts)


def in_effect(reviewed: ReviewedItem) -> Sequence[ReviewDecision]:
    """The decisions on an item that were not undone."""
    undone = {one.undoes for one in reviewed.decisions}
    return [one for one in reviewed.decisions if one.verdict is not ReviewVerdict.UNDO and one.id not in undone]


def field(row: Any, name: str, kind: type, default: Any = None) -> Any:
    """A field of a record. Raises `BadRecordError` if it has another type, or is missing without a default."""
    if not isinstance(row, Mapping):
        raise BadRecordError(f"{str(row)[:80]!r} is no object")
    value = row.get(name, default)
    if not isinstance(value, kind):
        raise BadRecordError(f"{name!r} is {str(value)[:80]!r} and should be of type {kind.__name__}")
    return value


def to_verdict(text: Any) -> ReviewVerdict:
    """The verdict of this name."""
    if not isinstance(text, str) or text not in _VERDICTS:
        raise BadRecordError(f"{str(text)[:80]!r} is no verdict: {', '.join(_VERDICTS)}")
    return _VERDICTS[text]
