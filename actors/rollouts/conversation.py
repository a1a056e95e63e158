"""Conversations: a question with the turns before it, in the forms that a policy reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from actors.formats import SolutionFormat


class Role(StrEnum):
    """Who wrote a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. A tool's is the output of the code that the assistant wrote before it."""

    role: Role
    content: str


Conversation = tuple[Message, ...]


def asked(question: str) -> Conversation:
    """The conversation of a question alone."""
    return (Message(Role.USER, question),)


def chat_messages(conversation: Conversation, solution_format: SolutionFormat) -> list[dict[str, str]]:
    """The conversation for a chat template.

    The format's instruction, which the policy was trained with, comes first, and the conversation's own after it.
    """
    system = "\n\n".join((solution_format.system, *_instructions(conversation)))
    return [{"role": Role.SYSTEM.value, "content": system}, *_turns(conversation, solution_format)]


def without_system_role(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The same messages for a template that has no system role, as Gemma's: its text is before the first question."""
    system, first, *others = messages
    return [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *others]


def plain_prompt(conversation: Conversation, solution_format: SolutionFormat) -> str:
    """The conversation as text, for policies without a chat template: one question and solution after the other."""
    parts = [f"{instruction}\n\n" for instruction in _instructions(conversation)]
    for turn in _turns(conversation, solution_format):
        asks = turn["role"] == Role.USER
        parts.append(solution_format.prompt(turn["content"]) if asks else f"{turn['content'].rstrip()}\n\n")
    return "".join(parts)


def split_solution_begun(conversation: Conversation, solution_format: SolutionFormat) -> tuple[Conversation, str]:
    """The conversation to the last question, and the solution that was begun after it, with the output of its code."""
    last = max(number for number, message in enumerate(conversation) if message.role is Role.USER)
    begun = "".join(turn["content"] for turn in _turns(conversation[last + 1 :], solution_format))
    instructions = tuple(message for message in conversation[last + 1 :] if message.role is Role.SYSTEM)
    return (*instructions, *conversation[: last + 1]), begun


def _instructions(conversation: Conversation) -> list[str]:
    found = (message.content.strip() for message in conversation if message.role is Role.SYSTEM)
    return [text for text in found if text]


def _turns(conversation: Conversation, solution_format: SolutionFormat) -> list[dict[str, str]]:
    """The questions and solutions, in turn: neighbours of the same side are joined."""
    turns: list[dict[str, str]] = []
    for message in conversation:
        if message.role is Role.SYSTEM:
            continue
        role, text = _in_solution(message, solution_format)
        if turns and turns[-1]["role"] == role:
            separator = "\n\n" if role is Role.USER else ""
            turns[-1]["content"] += f"{separator}{text}"
        else:
            turns.append({"role": role.value, "content": text})
    return turns


def _in_solution(message: Message, solution_format: SolutionFormat) -> tuple[Role, str]:
    if message.role is Role.USER:
        return Role.USER, message.content.strip()
    if message.role is Role.TOOL:
        return Role.ASSISTANT, solution_format.output(message.content.rstrip("\n"))
    return Role.ASSISTANT, message.content
