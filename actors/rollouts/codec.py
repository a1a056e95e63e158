"""Conversion between text and token ids: prompts, interpreter output and written solutions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from actors.formats import SolutionFormat
from store.records import Segment, SegmentKind

_CACHED_PROMPTS = 1024


class Tokenizer(Protocol):
    """The part of a `transformers` tokenizer that the codec uses."""

    eos_token_id: int
    chat_template: str | None

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

    @classmethod
    def from_folder(cls, folder: str | Path, solution_format: SolutionFormat) -> "Codec":
        """The codec for the tokenizer in a policy's folder."""
        from transformers import AutoTokenizer  # takes seconds to import

        return cls(AutoTokenizer.from_pretrained(str(folder)), solution_format)

    def prompt(self, question: str) -> tuple[int, ...]:
        """The prompt's ids, in the tokenizer's chat template if it has one.

        Tokenised once for all attempts at a problem, which follow one another closely.
        """
        return self._cached_prompt(question)

    def _encode_prompt(self, question: str) -> tuple[int, ...]:
        if self._tokenizer.chat_template:
            conversation = [
                {"role": "system", "content": self.format.system},
                {"role": "user", "content": question.strip()},
            ]
            ids = self._tokenizer.apply_chat_template(
                conversation, add_generation_prompt=True, tokenize=True, return_dict=False
            )
            return tuple(ids)
        return self._sequence_start(self.format.prompt(question))

    def _sequence_start(self, text: str) -> tuple[int, ...]:
        """The ids of the text at the start of a sequence, after a begin token if the tokenizer adds one."""
        ids = self._tokenizer.encode(text, add_special_tokens=True, split_special_tokens=True)
        return tuple(ids[:-1] if ids and ids[-1] == self.eos_id else ids)

    def text(self, text: str) -> tuple[int, ...]:
        """The ids of a piece of text, with no special tokens around it or in it.

        The name of a special token in the text, which a program may print, is encoded as plain characters.
        """
        return tuple(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def output(self, shown: str) -> tuple[int, ...]:
        """The ids of a code block's output, as the policy sees it."""
        return self.text(self.format.output(shown))

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids, without special tokens."""
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=True)

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
