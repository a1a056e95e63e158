"""A tokenizer with and without a chat template, and solutions to train it on."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from actors.codec import Codec
from actors.formats import get_format
from actors.rollout import End, Generation
from learner.tiny_llama import TinyLlama
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings
from store.records import PolicySpan

CHAT_TEMPLATE = (
    "{% for message in messages %}[{{ message['role'] }}] {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)


def corpus() -> list[str]:
    return [
        f"Question: What is {a} * {a + 1}?\nSolution:\n```python\nprint({a} * {a + 1})\n```\n"
        f"```output\n{a * (a + 1)}\n```\n\\boxed{{{a * (a + 1)}}}"
        for a in range(40)
    ]


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return TinyLlama().tokenizer(corpus())


@pytest.fixture(scope="session")
def chat_tokenizer() -> Any:
    tokenizer = TinyLlama().tokenizer(corpus())
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


@pytest.fixture
def codec(tokenizer: Any) -> Codec:
    return Codec(tokenizer, get_format("tir"))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(preload=(), block_wall_s=10)) as sandbox:
        yield sandbox


class Policy:
    """Writes turns by hand, in a tokenizer's ids, as an engine would have sampled them."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def stops(self, text: str, version: int = 1) -> Generation:
        """A turn that ends with the stop text."""
        return _generation(self._codec.text(text), version, End.STOP_TEXT)

    def ends(self, text: str, version: int = 1) -> Generation:
        """A turn that ends with the end token."""
        return _generation((*self._codec.text(text), self._codec.eos_id), version, End.END_TOKEN)

    def is_cut(self, text: str, version: int = 1) -> Generation:
        """A turn that a limit ended."""
        return _generation(self._codec.text(text), version, End.LIMIT)


def _generation(ids: Sequence[int], version: int, end: End) -> Generation:
    return Generation(tuple(ids), (PolicySpan(version, 0, len(ids)),), end)


@pytest.fixture
def policy(codec: Codec) -> Policy:
    return Policy(codec)
