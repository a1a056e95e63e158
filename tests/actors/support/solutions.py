"""Segments of the handwritten solutions."""

import re

from store.records import Segment, SegmentKind

_PART = re.compile(r"(>>>|<<<)")


def segments_of(solution: str, answer: str) -> tuple[Segment, ...]:
    """The segments of a solution of `cases.CASES`: the text after an output's last line is prose."""
    segments: list[Segment] = []
    parts = _PART.split(solution)
    for mark, text in zip(["", *parts[1::2]], [parts[0], *parts[2::2]], strict=True):
        if mark == ">>>":
            segments.append(Segment(SegmentKind.CODE, text.removesuffix("\n")))
        elif mark == "<<<":
            output, _, prose = text.removesuffix("\n").rpartition("\n")
            segments += [Segment(SegmentKind.OUTPUT, output), Segment(SegmentKind.TEXT, prose)]
        elif text.strip():
            segments.append(Segment(SegmentKind.TEXT, text))
    return (*segments, Segment(SegmentKind.ANSWER, answer))
