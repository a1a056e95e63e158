"""Questions: out of a text or a list of chat messages, without the instruction that a data set wraps around them."""

from collections.abc import Mapping
from typing import Any

from store.problems.sources.rows.fields import BadRowError, as_text

OPENINGS = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.",
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "\\boxed{$Answer} where $Answer is the answer to the problem.",
)
"""Instructions before a question, in the data sets of DAPO."""

CLOSINGS = (
    'Remember to put your answer on its own line after "Answer:".',
    'Let\'s think step by step and output the final answer after "####".',
    "Let's think step by step and output the final answer within \\boxed{}.",
    "Please reason step by step, and put your final answer within \\boxed{}.",
)
"""Instructions after a question, in the data sets of DAPO and of verl's examples."""


def question_of(value: Any, field: str) -> str:
    """The question in a field; of a list of chat messages, the last one of the user.

    Raises:
        BadRowError: there is no text.
    """
    if isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
        contents = [one.get("content") for one in value if one.get("role") == "user"]
        if not contents:
            raise BadRowError(f"{field!r} has no message of the user")
        value = _joined(contents[-1], field)
    return as_text(value, field)


def without_instruction(text: str) -> str:
    """The text without one of the known instructions before and one after it; all of it if nothing else remains."""
    question = text
    for opening in OPENINGS:
        if question.startswith(opening):
            question = question.removeprefix(opening).lstrip()
            break
    for closing in CLOSINGS:
        if question.endswith(closing):
            question = question.removesuffix(closing).rstrip()
            break
    return question or text


def _joined(content: Any, field: str) -> Any:
    """The text of a message whose content is a list of parts."""
    if not isinstance(content, list | tuple):
        return content
    parts = [part.get("text") if isinstance(part, Mapping) else part for part in content]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) < len(parts):
        raise BadRowError(f"{field!r} has a message of the user that is more than text, such as an image")
    return "\n".join(texts)
