"""A rollout as blocks to read: prose, code and the interpreter's output, with their tokens where they are known."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from eval.browser.records import Attempt, Piece
from store.records import ExecutionRecord, Segment, SegmentKind

_FENCE_END = re.compile(r"\n?```[^\n]*\n?")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a rollout. `pieces` are its tokens, whose texts make up `text`; empty if they are not known.

    `execution` is the run of the code whose output this is.
    """

    kind: SegmentKind
    text: str
    pieces: tuple[Piece, ...] = ()
    execution: ExecutionRecord | None = None


def blocks_of(attempt: Attempt) -> list[Block]:
    """The blocks of an attempt in order. The extracted answer is none of them."""
    segments = [segment for segment in attempt.rollout.segments if segment.kind is not SegmentKind.ANSWER]
    executions = iter(attempt.rollout.executions)
    found = _of_pieces(attempt.pieces, segments) if attempt.pieces else [Block(s.kind, s.text) for s in segments]
    return [
        replace(block, execution=next(executions, None)) if block.kind is SegmentKind.OUTPUT else block
        for block in found
    ]


def _of_pieces(pieces: Sequence[Piece], segments: Sequence[Segment]) -> list[Block]:
    """Blocks of runs of tokens: those of the policy are split at its code, the others are the interpreter's output."""
    turns = _turns(segments)
    blocks: list[Block] = []
    for by_policy, run in groupby(pieces, key=lambda piece: piece.by_policy):
        if by_policy:
            codes, output = next(turns, ([], None))
            blocks += _policy_blocks(list(run), codes)
        else:
            decoded = "".join(piece.text for piece in run)
            blocks.append(Block(SegmentKind.OUTPUT, decoded if output is None else output))
    return blocks


def _turns(segments: Sequence[Segment]) -> Iterator[tuple[list[str], str | None]]:
    """(The code blocks, the output that follows) of each turn of the policy."""
    codes: list[str] = []
    for segment in segments:
        if segment.kind is SegmentKind.CODE:
            codes.append(segment.text)
        elif segment.kind is SegmentKind.OUTPUT:
            yield codes, segment.text
            codes = []
    yield codes, None


def _policy_blocks(pieces: Sequence[Piece], codes: Sequence[str]) -> list[Block]:
    text = "".join(piece.text for piece in pieces)
    blocks = []
    for kind, start, end in _ranges(text, codes):
        if text[start:end].strip():
            blocks.append(Block(kind, text[start:end], tuple(_cut(pieces, start, end))))
    return blocks


def _ranges(text: str, codes: Sequence[str]) -> Iterator[tuple[SegmentKind, int, int]]:
    """The ranges of prose and of code with its fences, which cover the text."""
    position = 0
    for code in codes:
        found = text.find(code, position)
        if found < 0 or not code:
            continue
        start = _fence_start(text, position, found)
        fence = _FENCE_END.match(text, found + len(code))
        end = fence.end() if fence else found + len(code)
        yield SegmentKind.TEXT, position, start
        yield SegmentKind.CODE, start, end
        position = end
    yield SegmentKind.TEXT, position, len(text)


def _fence_start(text: str, position: int, code_start: int) -> int:
    """Where the line with the fence before the code begins; where the code begins if there is none."""
    line_start = max(text.rfind("\n", 0, max(code_start - 1, 0)) + 1, position)
    return line_start if text[line_start:code_start].startswith("```") else code_start


def _cut(pieces: Sequence[Piece], start: int, end: int) -> Iterator[Piece]:
    """The pieces within `[start, end)` of their joined text; those at its ends are shortened."""
    position = 0
    for piece in pieces:
        low, high = max(start - position, 0), min(end - position, len(piece.text))
        if low < high:
            yield piece if (low, high) == (0, len(piece.text)) else replace(piece, text=piece.text[low:high])
        position += len(piece.text)
