"""Turns that repeat themselves: found by vLLM, and never in sound mathematics."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from actors.engine import PolicyEngine
from actors.engine.turns import repetition_rule
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import End
from learner.bases.smollm2 import _gguf_file
from store.records import Sampling

from .conftest import LONG, around, pointer


def ends_at(token_ids: list[int]) -> int | None:
    """The number of tokens at which vLLM ends the turn, None if it goes on to the end."""
    from vllm.v1.core.sched.utils import check_sequence_repetition

    rule = repetition_rule()
    return next((n for n in range(1, len(token_ids) + 1) if check_sequence_repetition(token_ids[:n], rule)), None)


@pytest.mark.parametrize("period", [1, 2, 3, 7, 10, 16, 17, 23, 30, 31])
def test_every_short_pattern_is_found_within_500_tokens(period: int) -> None:
    sound = list(range(1000, 1100))
    loop = list(itertools.islice(itertools.cycle(range(period)), 900))
    end = ends_at(sound + loop)
    assert end is not None
    assert 256 <= end - len(sound) <= 496


def test_a_pattern_that_ends_before_the_limit_is_no_repetition() -> None:
    assert ends_at([7] * 255 + [8] + [7] * 255) is None


def test_growing_and_alternating_sequences_are_no_repetition() -> None:
    counting = [token for number in range(300) for token in (1, number + 10, 2)]
    assert ends_at(counting) is None


def table(rows: int) -> str:
    return "\n".join(f"| {n} | {n * n} | {n**3} |" for n in range(1, rows + 1))


SOUND = {
    "a googol": "1" + "0" * 100,
    "1000! ends with 249 zeros": "1" + "0" * 249,
    "a repeating decimal": "0." + "142857" * 20,
    "a table of powers": table(120),
    "the first numbers": ", ".join(map(str, range(1, 400))),
    "a matrix of ten by ten zeros": "[" + ",\n ".join(["[" + ", ".join(["0"] * 10) + "]"] * 10) + "]",
    "an identity matrix": "\n".join(" ".join("1" if i == j else "0" for j in range(12)) for i in range(12)),
    "a long sum of ones": " + ".join(["1"] * 60) + " = 60",
    "powers of two": ", ".join(str(2**n) for n in range(80)),
    "aligned steps": "\n".join(f"&= {n}x + {n + 1} \\\\" for n in range(80)),
    "cases by parity": "\n".join(f"If n = {n}, then n mod 2 = {n % 2}." for n in range(100)),
    "a rule of dashes": "-" * 120,
    "code": "\n".join(f"x{n} = x{n - 1} + {n}\nprint(x{n})" for n in range(1, 60)),
}


@pytest.fixture(scope="module")
def tokenizers(codec: Codec) -> list[Any]:
    """That of the small policies, and SmolLM2's, which has a token for each digit."""
    from transformers import AutoTokenizer

    file = _gguf_file()
    return [codec._tokenizer, AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)]


@pytest.mark.parametrize("name", SOUND)
def test_sound_mathematics_is_no_repetition(tokenizers: list[Any], name: str) -> None:
    for tokenizer in tokenizers:
        assert ends_at(tokenizer.encode(SOUND[name], add_special_tokens=False)) is None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_policy_that_loops_is_stopped(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]]
) -> None:
    """Greedy decoding of a policy that was not trained soon loops."""
    async with around(vllm, pointer(policies[1], 1), LONG, end_on_repetition=True) as engine:
        stopped = [await engine.generate(context, 900, Sampling(0.0)) for context in contexts[:4]]
    async with around(vllm, pointer(policies[1], 1), LONG) as engine:
        whole = [await engine.generate(context, 900, Sampling(0.0)) for context in contexts[:4]]
    found = [turn for turn in stopped if turn.end is End.REPETITION]
    assert found
    for turn, full in zip(stopped, whole, strict=True):
        assert turn.token_ids == full.token_ids[: len(turn.token_ids)]
        assert (turn.end is End.REPETITION) == (ends_at(list(full.token_ids)) == len(turn.token_ids))
