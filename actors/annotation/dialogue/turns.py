"""A teacher's turn as a turn of the solution format: its text, and the code to run."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from actors.annotation.dialogue.replies import Call, Reply
from actors.formats import MARIO_HTML, SolutionFormat
from store.records import TeacherTurn

TOOL_NAME = "python"
_BLOCK = re.compile(
    r"```[ \t]*(?:python3?|py)[ \t]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
_ELEMENT = re.compile(r"<code>[ \t]*\n(.*?)(?:^[ \t]*</code>[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_CLOSED = ("\n```", "\n</code>")
_BAD_CALL = (
    f'the call was not run: the arguments of `{TOOL_NAME}` must be JSON, {{"code": "..."}}, with a text of Python'
)
_BAD_FENCE = "the call was not run: the code must not contain {mark}"


@dataclass(frozen=True, slots=True)
class ParsedTurn:
    """A turn in the solution format. `code` is what it wants to be run; `complaint` is the answer to a bad call."""

    text: str
    code: str | None = None
    complaint: str | None = None

    @property
    def is_last(self) -> bool:
        """Whether the solution ends with this turn."""
        return self.code is None and self.complaint is None


def parse_turn(reply: Reply, solution_format: SolutionFormat) -> ParsedTurn:
    """The turn that a reply is. Text after its first block of code is dropped: it precedes the real output."""
    if reply.calls:
        return _called(reply.text, reply.calls[0], solution_format)
    text = reply.text.replace("\r\n", "\n")
    block = _block(text, solution_format)
    if block is None or (reply.is_cut and not block.group().rstrip().endswith(_CLOSED)):
        return ParsedTurn(solution_format.marked(text.strip()))
    code = block.group(1).rstrip()
    prose = solution_format.marked(text[: block.start()].lstrip())
    return ParsedTurn(_before_code(prose, solution_format) + solution_format.fenced(code), code)


def _block(text: str, solution_format: SolutionFormat) -> re.Match[str] | None:
    """The first block of code, by the format's own marks or as the fence that teachers are used to."""
    return (_ELEMENT.search(text) if solution_format is MARIO_HTML else None) or _BLOCK.search(text)


def reply_of(turn: TeacherTurn) -> Reply:
    """The reply of a stored turn."""
    return Reply.model_validate(turn.reply)


def written_turns(turns: Sequence[TeacherTurn], solution_format: SolutionFormat) -> list[tuple[str, str | None]]:
    """The solution that stored turns make, without calls that were not run."""
    parsed = [(parse_turn(reply_of(turn), solution_format), turn.shown) for turn in turns]
    return [(one.text, shown if one.code is not None else None) for one, shown in parsed if one.complaint is None]


def _called(thought: str, call: Call, solution_format: SolutionFormat) -> ParsedTurn:
    code = _code_of(call)
    prose = solution_format.marked(thought.strip())
    if prose and not prose.endswith("\n"):
        prose += "\n\n"
    if code is None:
        return ParsedTurn(prose, complaint=_BAD_CALL)
    text = prose + solution_format.code_block(code)
    if solution_format.code_open in prose or solution_format.code_to_run(text) != code:
        return ParsedTurn(prose, complaint=_BAD_FENCE.format(mark=solution_format.code_close.strip()))
    return ParsedTurn(text, code)


def _before_code(prose: str, solution_format: SolutionFormat) -> str:
    """The text before a block of code, with what the format puts between the two."""
    prefix = solution_format.code_prefix
    if not prefix:
        return prose
    thought = prose.rstrip().removesuffix(prefix.rstrip()).rstrip()
    return f"{thought}\n\n{prefix}" if thought else prefix


def _code_of(call: Call) -> str | None:
    """The code of a call, None if its arguments are not what the tool takes."""
    try:
        arguments = json.loads(call.arguments)
    except ValueError:
        return None
    if call.name != TOOL_NAME or not isinstance(arguments, dict) or not isinstance(arguments.get("code"), str):
        return None
    return str(arguments["code"]).replace("\r\n", "\n").rstrip() or None
