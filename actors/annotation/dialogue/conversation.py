"""The conversation with a teacher, as the body of its next request: instruction, examples, question, turns so far."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from actors.annotation.dialogue.prompts import Prompt
from actors.annotation.dialogue.turns import TOOL_NAME, parse_turn, reply_of
from actors.annotation.settings import AnnotationSettings
from actors.formats import SolutionFormat, get_format
from store.records import TeacherTurn

type ChatMessage = dict[str, Any]

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": TOOL_NAME,
        "description": "Run Python code. Returns what it prints, and the value of its last expression.",
        "parameters": {
            "type": "object",
            "properties": {"code": {"type": "string", "description": "Python code"}},
            "required": ["code"],
        },
    },
}
_STOPS = {"tir": ["```output"], "mario": ["Observation:"], "mario_html": ["\nOutput:"]}


class Conversation:
    """Makes the bodies of requests to a teacher."""

    def __init__(self, settings: AnnotationSettings, prompt: Prompt) -> None:
        self._settings = settings
        self.format = get_format(settings.solution_format)
        self._beginning = [_message("system", prompt.instruction)]
        for number, example in enumerate(prompt.examples):
            turns = self.format.split_solution(example.solution)
            self._beginning += [_message("user", example.question.strip()), *self._example(number, turns)]

    def body(self, question: str, turns: Sequence[TeacherTurn], temperature: float) -> dict[str, Any]:
        """The request for the turn after these, without how it is sent."""
        settings = self._settings
        body: dict[str, Any] = {
            "model": settings.model,
            "messages": [*self._beginning, _message("user", question.strip()), *self._turns(turns)],
            "temperature": temperature,
            settings.token_limit: settings.max_tokens,
        }
        if settings.calls == "tools":
            return body | {"tools": [TOOL]}
        return body | {"stop": _STOPS.get(self.format.name, [])} if self.format.name in _STOPS else body

    def _turns(self, turns: Sequence[TeacherTurn]) -> Iterator[ChatMessage]:
        for turn in turns:
            reply = reply_of(turn)
            parsed = parse_turn(reply, self.format)
            shown = turn.shown or ""
            if reply.calls:
                # A server may refuse arguments in the history that are no JSON, although they came from it.
                arguments = json.dumps({"code": parsed.code or ""})
                yield from _tool_turn(reply.calls[0].id or f"call_{turn.number}", reply.text, arguments, shown)
            else:
                yield from self._fenced_turn(parsed.text, shown)

    def _fenced_turn(self, text: str, shown: str) -> Iterator[ChatMessage]:
        yield _message("assistant", text.rstrip())
        yield _message("user", self.format.output(shown).strip())

    def _example(self, number: int, turns: Sequence[tuple[str, str | None]]) -> Iterator[ChatMessage]:
        for position, (text, shown) in enumerate(turns):
            code = self.format.code_to_run(text)
            if shown is None or code is None:
                yield _message("assistant", text.strip())
            elif self._settings.calls == "tools":
                thought = text.rstrip().removesuffix(self.format.fenced(code).rstrip())
                thought = thought.rstrip().removesuffix(self.format.code_prefix.rstrip()).strip()
                arguments = json.dumps({"code": code})
                yield from _tool_turn(f"call_{number}_{position}", thought, arguments, shown)
            else:
                yield from self._fenced_turn(text.strip(), shown)


def code_so_far(turns: Sequence[TeacherTurn], solution_format: SolutionFormat) -> list[str]:
    """The blocks of code that were run, in order: a new session is brought to the same state by them."""
    parsed = [parse_turn(reply_of(turn), solution_format) for turn in turns if turn.execution is not None]
    return [one.code for one in parsed if one.code is not None]


def _message(role: str, content: str) -> ChatMessage:
    return {"role": role, "content": content}


def _tool_turn(call_id: str, text: str, arguments: str, shown: str) -> Iterator[ChatMessage]:
    call = {"id": call_id, "type": "function", "function": {"name": TOOL_NAME, "arguments": arguments}}
    yield {"role": "assistant", "content": text.strip(), "tool_calls": [call]}
    yield {"role": "tool", "tool_call_id": call_id, "content": shown}
