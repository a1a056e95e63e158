"""Log-probabilities as sampled, computed again by transformers from the same ids.

They also show which weights sampled a token: those of another policy, or of two, give other numbers.
"""

import asyncio
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actors.engine import PolicyEngine
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from store.records import PolicySpan, Sampling
from store.rollouts.packing import pack_logprobs, unpack_logprobs

from .conftest import LONG, around, pointer

pytestmark = pytest.mark.asyncio(loop_scope="session")

SAMPLINGS = [Sampling(1.0), Sampling(0.7), Sampling(1.3), Sampling(0.8, 0.9), Sampling(1.0, 0.5)]


@cache
def model(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def recompute(folder: Path, context: Sequence[int], written: Sequence[int], sampling: Sampling) -> list[float]:
    """The log-probability of each written token after those before it."""
    import torch

    ids = torch.tensor([[*context, *written]])
    with torch.no_grad():
        logits = model(folder)(ids).logits[0, len(context) - 1 : -1] / sampling.temperature
    kept = _top_p(logits, sampling.top_p)
    logprobs = logits.masked_fill(~kept, -math.inf).log_softmax(-1)
    return logprobs.gather(-1, ids[0, len(context) :, None])[:, 0].tolist()  # type: ignore[no-any-return]


def _top_p(logits: Any, top_p: float) -> Any:
    """The most likely tokens that together have a probability of `top_p`."""
    probabilities, order = logits.softmax(-1).sort(descending=True)
    before = probabilities.cumsum(-1) - probabilities
    return (before < top_p).gather(-1, order.argsort(-1))


def assert_sampled_by(
    policies: dict[int, Path], context: Sequence[int], turn: Generation, sampling: Sampling, tolerance: float = 2e-3
) -> None:
    """Each token's number is that of the policy that its span names."""
    assert turn.logprobs is not None
    assert sum(span.end - span.start for span in turn.spans) == len(turn.token_ids) == len(turn.logprobs)
    for span in turn.spans:
        expected = recompute(policies[span.version], context, turn.token_ids, sampling)
        np.testing.assert_allclose(
            turn.logprobs[span.start : span.end], expected[span.start : span.end], atol=tolerance, rtol=0
        )


@pytest.mark.parametrize("sampling", SAMPLINGS)
async def test_they_are_those_of_the_distribution_that_was_sampled_from(
    engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]], sampling: Sampling
) -> None:
    turns = await asyncio.gather(*(engine.generate(context, 60, sampling) for context in contexts[:8]))
    for context, turn in zip(contexts, turns, strict=False):
        # A token at the border of top-p, of a probability of 1 in 400 here, may be kept by one and not by the other.
        assert_sampled_by(policies, context, turn, sampling, 2e-3 if sampling.top_p == 1 else 2e-2)


async def test_requests_with_different_parameters_in_one_batch_keep_their_own(
    engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]]
) -> None:
    samplings = [Sampling(0.0), Sampling(1.0), Sampling(0.6), Sampling(1.4)] * 4
    turns = await asyncio.gather(
        *(engine.generate(context, 40, sampling) for context, sampling in zip(contexts, samplings, strict=False))
    )
    for context, turn, sampling in zip(contexts, turns, samplings, strict=False):
        if sampling.temperature == 0:
            assert turn.logprobs is None
        else:
            assert_sampled_by(policies, context, turn, sampling)


async def test_another_policy_gives_other_numbers(
    engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]]
) -> None:
    turn = await engine.generate(contexts[0], 60, Sampling(1.0))
    others = recompute(policies[2], contexts[0], turn.token_ids, Sampling(1.0))
    assert turn.logprobs is not None
    assert np.abs(np.array(turn.logprobs) - others).max() > 0.1


async def test_they_continue_across_turns_and_outputs(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]], codec: Codec
) -> None:
    """The stop text is a letter here: a policy that was not trained writes no blocks."""
    context, written, logprobs = contexts[0], list[int](), list[float]()
    async with around(vllm, pointer(policies[1], 1), LONG, stop="a") as engine:
        for _ in range(6):
            turn = await engine.generate((*context, *written), 200, Sampling(0.9))
            assert turn.logprobs is not None
            output = codec.output("42")
            written += [*turn.token_ids, *output]
            logprobs += [*turn.logprobs, *[math.nan] * len(output)]
    mask = tuple(not math.isnan(value) for value in logprobs)
    stored = np.array(unpack_logprobs(pack_logprobs(logprobs, mask), mask))[list(mask)]
    expected = np.array(recompute(policies[1], context, written, Sampling(0.9)))[list(mask)]
    np.testing.assert_allclose(stored, expected, atol=1e-2, rtol=0)


async def test_no_token_is_ever_sampled_by_two_policies(
    engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]]
) -> None:
    """Requests that run through several swaps: each token has the number of the policy that its span names."""
    requests = [asyncio.create_task(engine.generate(context, 600, Sampling(1.0))) for context in contexts]
    for version in (2, 3, 1, 3):
        await asyncio.sleep(0.3)
        await engine.swap(pointer(policies[version], version))
    turns = await asyncio.gather(*requests)
    assert max(len(turn.spans) for turn in turns) > 2
    for context, turn in zip(contexts, turns, strict=True):
        assert_sampled_by(policies, context, turn, Sampling(1.0))
    assert any(PolicySpan(1, 0, turn.spans[0].end) == turn.spans[0] for turn in turns)


async def test_the_switch_leaves_them_out(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: list[tuple[int, ...]]
) -> None:
    without = LONG.model_copy(update={"logprobs": False})
    async with around(vllm, pointer(policies[1], 1), without) as engine:
        assert (await engine.generate(contexts[0], 20, Sampling(1.0))).logprobs is None
