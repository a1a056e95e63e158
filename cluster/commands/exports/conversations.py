"""Rollouts as conversations. What the interpreter printed can be told from what the policy wrote in each of them.

As text, it is between the marks of the solution format (```output for `tir`); masked, the message lists the characters
that the policy wrote; with tools, it is in messages of its own.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, NamedTuple

from actors.formats import SolutionFormat, get_format
from cluster.serving.api.requests.tools import TOOL_NAME
from store.records import Problem, Rollout, SegmentKind

type Message = dict[str, Any]


class _Part(NamedTuple):
    """A part of a written solution, and whether the policy wrote it."""

    text: str
    is_written: bool


def prompt(problem: Problem, solution_format: SolutionFormat) -> list[Message]:
    """The messages before a solution: the format's system prompt, and the question."""
    return [{"role": "system", "content": solution_format.system}, {"role": "user", "content": problem.question}]


def as_text(rollout: Rollout) -> list[Message]:
    """The whole solution as one message.

    Raises:
        UnknownFormatError: the rollout's format is not registered.
    """
    return [{"role": "assistant", "content": "".join(part.text for part in _written(rollout)).strip()}]


def as_masked_text(rollout: Rollout) -> list[Message]:
    """The same, with `train_detail`: ranges of characters, both ends included, and whether they are to be learned.

    Raises:
        UnknownFormatError: the rollout's format is not registered.
    """
    (message,) = as_text(rollout)
    content, whole = message["content"], "".join(part.text for part in _written(rollout))
    start = -(len(whole) - len(whole.lstrip()))
    detail = []
    for is_written, parts in groupby(_written(rollout), key=lambda part: part.is_written):
        end = start + sum(len(part.text) for part in parts)
        first, last = max(start, 0), min(end, len(content)) - 1
        if first <= last:
            detail.append({"begin_offset": first, "end_offset": last, "train": is_written})
        start = end
    return [{**message, "train_detail": detail}]


def as_tool_messages(rollout: Rollout) -> list[Message]:
    """Each turn as a message, whose code is a call of the tool `python`, and then the tool's message with the output.

    Raises:
        UnknownFormatError: the rollout's format is not registered.
    """
    solution_format = get_format(rollout.solution_format)
    messages: list[Message] = []
    prose = call = ""
    for position, segment in enumerate(rollout.segments):
        match segment.kind:
            case SegmentKind.TEXT:
                prose += segment.text
            case SegmentKind.CODE:
                call = f"call{position:05}"  # nine letters and digits, which is what Mistral's templates take
                messages.append(_call(solution_format.plain(prose), segment.text, call))
                prose = ""
            case SegmentKind.OUTPUT:
                messages.append({"role": "tool", "name": TOOL_NAME, "content": segment.text, "tool_call_id": call})
            case SegmentKind.ANSWER:
                prose += _unstated_answer(rollout, position, solution_format)
    if (content := solution_format.plain(prose)) or not messages:
        messages.append({"role": "assistant", "content": content})
    return messages


def _call(prose: str, code: str, call: str) -> Message:
    function = {"name": TOOL_NAME, "arguments": {"code": code}}
    calls = [{"id": call, "type": "function", "function": function}]
    return {"role": "assistant", "content": prose, "tool_calls": calls}


def _written(rollout: Rollout) -> Iterator[_Part]:
    """The solution as the policy saw it, part by part."""
    solution_format = get_format(rollout.solution_format)
    for position, segment in enumerate(rollout.segments):
        match segment.kind:
            case SegmentKind.TEXT:
                yield _Part(segment.text, True)
            case SegmentKind.CODE:
                has_prefix = position > 0 and rollout.segments[position - 1].text.endswith(solution_format.code_prefix)
                block = solution_format.code_block(segment.text)
                yield _Part(block.removeprefix(solution_format.code_prefix) if has_prefix else block, True)
            case SegmentKind.OUTPUT:
                yield _Part(solution_format.output(segment.text), False)
            case SegmentKind.ANSWER:
                yield _Part(_unstated_answer(rollout, position, solution_format), True)


def _unstated_answer(rollout: Rollout, position: int, solution_format: SolutionFormat) -> str:
    """The answer in its form, unless the text before it states it already."""
    is_stated = position > 0 and rollout.segments[position - 1].kind is SegmentKind.TEXT
    return "" if is_stated else solution_format.write_answer(rollout.segments[position].text)
