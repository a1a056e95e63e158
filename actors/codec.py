"""Between text and token ids: prompts, the interpreter's words, and written solutions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from actors.formats import SolutionFormat
from store.records import Segment, SegmentKind


class Tokenizer(Protocol):
    """What the codec needs of a `transformers` tokenizer."""

    eos_token_id: int
    chat_template: str | None

    def encode(self, text: str, *, add_special_tokens: bool, split_special_tokens: bool) -> list[int]:
        """Ids of a text."""
        ...

    def decode(self, token_ids: Sequence[int], *, skip_special_tokens: bool) -> str:
        """Text of ids."""
        ...

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> list[int]:
        """Ids of a conversation, with the options of transformers' method of the name."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedSolution:
    """A solution as the policy would have seen it: `token_ids` and `model_mask`, each of length n."""

    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]
    model_mask: tuple[bool, ...]
    segments: tuple[Segment, ...]


class Codec:
    """Encodes and decodes for one tokenizer and one solution format.

    Every piece of a conversation is tokenised once and apart from the others, and the pieces are joined as ids: a
    demonstration's tokens are thus those that sampling would have produced, with no drift at the borders of turns.
    """

    def __init__(self, tokenizer: Tokenizer, solution_format: SolutionFormat) -> None:
        self._tokenizer = tokenizer
        self.format = solution_format
        self.eos_id = tokenizer.eos_token_id

    @classmethod
    def from_folder(cls, folder: str | Path, solution_format: SolutionFormat) -> "Codec":
        """The codec for the tokenizer that lies in a policy's folder."""
        from transformers import AutoTokenizer  # seconds to import, and not every user of the module decodes

        return cls(AutoTokenizer.from_pretrained(str(folder)), solution_format)

    def prompt(self, question: str) -> tuple[int, ...]:
        """The prompt's ids, by the tokenizer's chat template if it has one."""
        if self._tokenizer.chat_template:
            conversation = [
                {"role": "system", "content": self.format.system},
                {"role": "user", "content": question.strip()},
            ]
            ids = self._tokenizer.apply_chat_template(
                conversation, add_generation_prompt=True, tokenize=True, return_dict=False
            )
            return tuple(ids)
        return self._begun(self.format.prompt(question))

    def _begun(self, text: str) -> tuple[int, ...]:
        """The ids of a text that a sequence begins with: behind a begin token, where the tokenizer puts one."""
        ids = self._tokenizer.encode(text, add_special_tokens=True, split_special_tokens=True)
        return tuple(ids[:-1] if ids and ids[-1] == self.eos_id else ids)

    def text(self, text: str) -> tuple[int, ...]:
        """The ids of a piece of text, with no special tokens around it or in it.

        The name of a special token, as a program may print it, is encoded as the characters that it is.
        """
        return tuple(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def output(self, shown: str) -> tuple[int, ...]:
        """The ids that put the interpreter's words before the policy."""
        return self.text(self.format.output(shown))

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of ids, special tokens left out."""
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=True)

    def solution(self, question: str, turns: Sequence[tuple[str, str | None]]) -> EncodedSolution:
        """A written solution, given as the turns of `SolutionFormat.split_solution`, closed with the end token."""
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
