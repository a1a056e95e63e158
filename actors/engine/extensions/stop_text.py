"""Finds the text that ends a turn in the tokens of the turn, as they are sampled."""

from collections.abc import Sequence
from typing import Any


class StopText:
    """Whether the last sampled token has completed a text.

    Only a token that contains the text's last character can complete it. So most tokens cost a look into a dictionary,
    and few the decoding of the last tokens.
    """

    def __init__(self, tokenizer: Any, text: str) -> None:
        """
        Args:
            tokenizer: A tokenizer of transformers.
            text: The text, not empty.
        """
        # The tokenizer's own core, where there is one, decodes faster, and as the text is written, without clean-up.
        self._tokenizer = getattr(tokenizer, "backend_tokenizer", None) or tokenizer
        self._text = text
        # A token has at least a byte of text, unless it is a special one, of which some may stand between.
        self._tail = 2 * len(text.encode())
        self._may_complete: dict[int, bool] = {}

    def is_completed_by_last(self, token_ids: Sequence[int]) -> bool:
        """Whether the text is among the last of `token_ids`, which has been asked for every token before."""
        last = token_ids[-1]
        may_complete = self._may_complete.get(last)
        if may_complete is None:
            may_complete = self._may_complete[last] = self._text[-1] in self._decode([last])
        return may_complete and self._text in self._decode(token_ids[-self._tail :])

    def _decode(self, token_ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(token_ids), skip_special_tokens=True))
