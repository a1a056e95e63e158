"""Conversion between text and token ids: prompts, interpreter output and written solutions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from actors.formats import SolutionFormat
from actors.rollouts.conversation import (
    Conversation,
    asked,
    chat_messages,
    plain_prompt,
    split_solution_begun,
    without_system_role,
)
from store.records import Segment, SegmentKind

_CACHED_PROMPTS = 1024
_CACHED_OUTPUTS, _CACHED_CHARS = 1024, 200


class Tokenizer(Protocol):
    """The part of a `transformers` tokenizer that the codec uses."""

    eos_token_id: int
    chat_template: str | None

    def __len__(self) -> int:
        """The number of tokens, added ones included."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool) -> list[int]:
        """Text to ids."""
        ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Ids to text."""
        ...

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> list[int]:
        """Conversation to ids; the options are those of the method in transformers."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedSolution:
    """A solution as the policy would have seen it. `token_ids` and `model_mask` have the same length."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    model_mask: tuple[bool, ...]
    segments: tuple[Segment, ...]


class Codec:
    """Encodes and decodes for one tokenizer and one solution format.

    Each piece of a conversation is tokenised once, separately from the others, and the pieces are joined as ids. A
    demonstration thus has the tokens that sampling would have produced, with no drift at the borders of turns.
    """

    def __init__(self, tokenizer: Tokenizer, solution_format: SolutionFormat) -> None:
        self._tokenizer = tokenizer
        self.format = solution_format
        self.eos_id = tokenizer.eos_token_id
        self._cached_prompt = lru_cache(_CACHED_PROMPTS)(self._encode_prompt)
        self._cached_output = lru_cache(_CACHED_OUTPUTS)(self._encode_output)

    @classmethod
    def from_folder(cls, folder: str | Path, solution_format: SolutionFormat) -> "Codec":
        """The codec for the tokenizer in a policy's folder."""
        from transformers import AutoTokenizer  # takes seconds to import

        return cls(AutoTokenizer.from_pretrained(str(folder)), solution_format)

    def prompt(self, question: str | Conversation) -> tuple[int, ...]:
        """The ids of the prompt for a question or a conversation, in the tokenizer's chat template if it has one.

        A solution that was begun after the last question is at its end. Tokenised once for all attempts at a problem,
        which follow one another closely.
        """
        return self._cached_prompt(asked(question) if isinstance(question, str) else question)

    def _encode_prompt(self, conversation: Conversation) -> tuple[int, ...]:
        to_question, begun = split_solution_begun(conversation, self.format)
        if self._tokenizer.chat_template:
            ids = self._apply_template(chat_messages(to_question, self.format))
        else:
            ids = self.sequence_start(plain_prompt(to_question, self.format))
        return (*ids, *self.text(begun)) if begun else ids

    def _apply_template(self, messages: list[dict[str, str]]) -> tuple[int, ...]:
        from jinja2 import TemplateError

        options: dict[str, bool] = {"add_generation_prompt": True, "tokenize": True, "return_dict": False}
        try:
            return tuple(self._tokenizer.apply_chat_template(messages, **options))
        except TemplateError:  # the template's own, where it refuses a role
            return tuple(self._tokenizer.apply_chat_template(without_system_role(messages), **options))

    def sequence_start(self, text: str) -> tuple[int, ...]:
        """The ids of the text at the start of a sequence, after a begin token if the tokenizer adds one."""
        ids = self._tokenizer.encode(text, add_special_tokens=True, split_special_tokens=True)
        return tuple(ids[:-1] if ids and ids[-1] == self.eos_id else ids)

    @property
    def vocabulary_size(self) -> int:
        """The number of ids that the tokenizer has a token for."""
        return len(self._tokenizer)

    def text(self, text: str) -> tuple[int, ...]:
        """The ids of a piece of text, with no special tokens around it or in it.

        The name of a special token in the text, which a program may print, is encoded as plain characters.
        """
        return tuple(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def output(self, shown: str) -> tuple[int, ...]:
        """The ids of a code block's output, as the policy sees it.

        Short ones are cached: the attempts at a problem print much the same.
        """
        return self._cached_output(shown) if len(shown) <= _CACHED_CHARS else self._encode_output(shown)

    def _encode_output(self, shown: str) -> tuple[int, ...]:
        return self.text(self.format.output(shown))

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=True)

    def token_text(self, token_id: int) -> str:
        """The text of one token, a special one's name included."""
        return self._tokenizer.decode([token_id], skip_special_tokens=False)

    def solution(self, question: str, turns: Sequence[tuple[str, str | None]]) -> EncodedSolution:
        """Encode a written solution, given as turns (see `SolutionFormat.split_solution`), and add the end token."""
        token_ids: list[int] = []
        model_mask: list[bool] = []
        segments: list[Segment] = []

        def append(ids: Sequence[int], by_model: bool) -> None:
            token_ids.extend(ids)
            model_mask.extend([by_model] * len(ids))

        for turn, shown in turns:
            append(self.text(turn), by_model=True)
            segments.extend(self.format.split_turn(turn))
            if shown is not None:
                append(self.output(shown), by_model=False)
                segments.append(Segment(SegmentKind.OUTPUT, shown))
        append([self.eos_id], by_model=True)
        return EncodedSolution(self.prompt(question), tuple(token_ids), tuple(model_mask), tuple(segments))
