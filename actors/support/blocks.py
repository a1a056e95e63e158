"""The code blocks of a solution, each with the output that the policy read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.execution import Status
from store.records import ExecutionRecord, Segment, SegmentKind

OUTPUT_CHARS = 4_000  # of a longer output, only its beginning and its end are read
MAX_BLOCKS = 32  # of more blocks, only the last are read

_ERROR = re.compile(
    r"(?:Traceback \(most recent call last\)|[A-Z]\w*(?:Error|Exception|Interrupt|Exit|Iteration)\b:?.*)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """One code block. `output` is what it printed and its value, without the error that ended it if it failed."""

    source: str
    output: str
    failed: bool


def read_blocks(segments: Sequence[Segment], executions: Sequence[ExecutionRecord]) -> list[Block]:
    """The blocks that were run, in order.

    The n-th block belongs to the n-th execution. Solutions of a file have none: there, an output whose last line is an
    error is that of a failed block.
    """
    blocks: list[Block] = []
    source: str | None = None
    for segment in segments:
        if segment.kind is SegmentKind.CODE:
            source = segment.text
        elif segment.kind is SegmentKind.OUTPUT and source is not None:
            blocks.append(
                _block(source, segment.text, executions[len(blocks)] if len(blocks) < len(executions) else None)
            )
            source = None
    return blocks[-MAX_BLOCKS:]


def text_after(segments: Sequence[Segment]) -> str:
    """The prose after the last output, in which the answer is stated."""
    last = max((i for i, segment in enumerate(segments) if segment.kind is SegmentKind.OUTPUT), default=-1)
    return " ".join(s.text[-OUTPUT_CHARS:] for s in segments[last + 1 :] if s.kind is SegmentKind.TEXT)


def _block(source: str, shown: str, execution: ExecutionRecord | None) -> Block:
    if execution is not None and execution.status != Status.OK:
        return Block(source, shortened(execution.stdout), failed=True)
    if execution is None:
        head, _, last = shown.rstrip().rpartition("\n")
        if _ERROR.fullmatch(last.strip()):
            return Block(source, shortened(head), failed=True)
    return Block(source, shortened(shown), failed=False)


def shortened(text: str) -> str:
    """The text, or its beginning and end if it is long."""
    half = OUTPUT_CHARS // 2
    return text if len(text) <= OUTPUT_CHARS else f"{text[:half]}\n{text[-half:]}"
