"""The text that ends a turn, found in tokens: at the token at which the decoded turn first contains it."""

import random
from typing import Any

import pytest
from transformers import AutoTokenizer

from actors.engine.extensions.stop_text import StopText
from actors.formats import get_format
from actors.rollouts.codec import Codec
from learner.bases.smollm2 import _gguf_file

STOP = get_format("tir").stop
TURNS = [
    "We compute.\n```python\nprint(6 * 7)\n```\n",
    "```python\nprint('```')\n```\n",
    "x\n\n\n```\n\n\nmore",
    "no block, and many\nlines\n\nof text",
    "é – \n```\n",
    "a\n``\n`\n````\n```\n",
]


@pytest.fixture(scope="module")
def tokenizers(codec: Codec) -> list[Any]:
    file = _gguf_file()
    return [codec._tokenizer, AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)]


def first_completion(tokenizer: Any, token_ids: list[int], text: str) -> int | None:
    """How many tokens there are when the decoded text first contains `text`."""
    counts = range(1, len(token_ids) + 1)
    return next((n for n in counts if text in tokenizer.decode(token_ids[:n], skip_special_tokens=True)), None)


def found(stop: StopText, token_ids: list[int]) -> int | None:
    return next((n for n in range(1, len(token_ids) + 1) if stop.is_completed_by_last(token_ids[:n])), None)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("text", [STOP, "```", "\n"])
def test_it_is_found_at_the_token_that_completes_it(tokenizers: list[Any], turn: str, text: str) -> None:
    for tokenizer in tokenizers:
        token_ids = tokenizer.encode(turn, add_special_tokens=False)
        assert found(StopText(tokenizer, text), token_ids) == first_completion(tokenizer, token_ids, text)


def test_it_is_found_however_the_text_is_split_into_tokens(tokenizers: list[Any]) -> None:
    """A policy need not write a text with the tokens that the tokenizer would choose."""
    random.seed(0)
    for tokenizer in tokenizers:
        for _ in range(50):
            turn = random.choice(TURNS)
            cut = random.randrange(len(turn))
            token_ids = [
                i for part in (turn[:cut], turn[cut:]) for i in tokenizer.encode(part, add_special_tokens=False)
            ]
            assert found(StopText(tokenizer, STOP), token_ids) == first_completion(tokenizer, token_ids, STOP)


def test_special_tokens_between_do_not_hide_it(tokenizers: list[Any]) -> None:
    for tokenizer in tokenizers:
        special = tokenizer.all_special_ids[0]
        token_ids = [i for token in tokenizer.encode("x\n```\n", add_special_tokens=False) for i in (token, special)]
        assert found(StopText(tokenizer, STOP), token_ids) == first_completion(tokenizer, token_ids, STOP)
