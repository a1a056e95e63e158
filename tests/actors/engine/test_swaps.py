"""Swaps that fail in a real engine: the weights are those of one policy, or the engine never samples again."""

import asyncio
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open
from safetensors.torch import save_file

from actors.engine import EngineBroken, EngineDied, PolicyEngine, RequestFailed, SwapError
from store.records import Sampling

from .conftest import LONG, around, engine_processes, greedy_by_transformers, pointer

pytestmark = pytest.mark.asyncio(loop_scope="session")

GREEDY, RANDOM = Sampling(temperature=0.0), Sampling(temperature=1.0)
type Contexts = list[tuple[int, ...]]


def shard(folder: Path, target: Path) -> list[Path]:
    """The same policy with one file for each tensor, in the order in which they are loaded."""
    shutil.copytree(folder, target)
    whole = target / "model.safetensors"
    with safe_open(str(whole), "pt") as tensors:
        names = sorted(tensors.keys())
        for number, name in enumerate(names):
            save_file({name: tensors.get_tensor(name)}, target / f"{number:03}.safetensors", {"format": "pt"})
    whole.unlink()
    (target / "manifest.json").unlink(missing_ok=True)
    return sorted(target.glob("*.safetensors"))


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


async def greedy(engine: PolicyEngine, contexts: Contexts) -> list[tuple[int, ...]]:
    turns = await asyncio.gather(*(engine.generate(context, 24, GREEDY) for context in contexts))
    return [turn.token_ids for turn in turns]


async def begin(engine: PolicyEngine, contexts: Contexts) -> list[asyncio.Task[Any]]:
    """Requests that have sampled something."""
    sampled = asyncio.Event()
    requests = [
        asyncio.create_task(engine.generate(context, 400, RANDOM, lambda *_: sampled.set())) for context in contexts
    ]
    await asyncio.wait_for(sampled.wait(), 60)
    return requests


async def test_wherever_a_load_fails_the_old_weights_are_restored_to_the_bit(
    engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts, tmp_path: Path
) -> None:
    before = await engine._engine.compute_weight_checksums()
    expected = greedy_by_transformers(policies[1], contexts[0], 24)
    files = len(shard(policies[2], tmp_path / "whole"))
    assert files > 8
    for number in range(files):
        broken = tmp_path / f"broken-{number}"
        shards = shard(policies[2], broken)
        await engine.prefetch(pointer(broken, 100 + number))
        truncate(shards[number])
        with pytest.raises(SwapError, match=rf"policy {100 + number} was not loaded .* keeps policy 1"):
            await engine.swap(pointer(broken, 100 + number))
        assert engine.version == 1
        assert await engine._engine.compute_weight_checksums() == before, shards[number]
        assert await greedy(engine, contexts[:1]) == [expected]


async def test_a_swap_after_a_failed_one_loads_the_new_weights_whole(
    engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts, tmp_path: Path
) -> None:
    shards = shard(policies[2], tmp_path / "broken")
    await engine.prefetch(pointer(tmp_path / "broken", 2))
    truncate(shards[len(shards) // 2])
    with pytest.raises(SwapError):
        await engine.swap(pointer(tmp_path / "broken", 2))
    await engine.swap(pointer(policies[3], 3))
    assert await greedy(engine, contexts[:1]) == [greedy_by_transformers(policies[3], contexts[0], 24)]


async def test_requests_continue_with_the_old_version_after_a_failed_swap(
    engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts, tmp_path: Path
) -> None:
    shards = shard(policies[2], tmp_path / "broken")
    await engine.prefetch(pointer(tmp_path / "broken", 2))
    truncate(shards[-1])
    requests = await begin(engine, contexts)
    with pytest.raises(SwapError):
        await engine.swap(pointer(tmp_path / "broken", 2))
    assert {span.version for turn in await asyncio.gather(*requests) for span in turn.spans} == {1}


async def test_a_restore_that_fails_breaks_the_engine_and_fails_its_requests(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts, tmp_path: Path
) -> None:
    shutil.copytree(policies[1], tmp_path / "1")
    shards = shard(policies[2], tmp_path / "broken")
    async with around(vllm, pointer(tmp_path / "1", 1), LONG) as engine:
        await engine.prefetch(pointer(tmp_path / "broken", 2))
        truncate(shards[len(shards) // 2])
        shutil.rmtree(tmp_path / "1")
        requests = await begin(engine, contexts[:4])
        with pytest.raises(EngineBroken, match="the swap to policy 2 failed half-way"):
            await engine.swap(pointer(tmp_path / "broken", 2))
        await assert_dead(engine, requests, contexts)
    await vllm.resume_generation()


async def test_a_swap_that_is_cancelled_half_way_breaks_the_engine(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts
) -> None:
    requests = await begin(engine, contexts[:4])
    await engine.prefetch(pointer(policies[2], 2))
    swap = asyncio.create_task(engine.swap(pointer(policies[2], 2)))
    while not engine._watch._is_paused:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)
    swap.cancel()
    with pytest.raises(EngineBroken, match="cancelled half-way"):
        await swap
    await assert_dead(engine, requests, contexts)
    await vllm.resume_generation()


@contextmanager
def stopped() -> Iterator[None]:
    """vLLM's process does nothing, as when it hangs."""
    processes = engine_processes()
    assert processes
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    yield
    for process in processes:
        process.send_signal(signal.SIGCONT)


async def test_a_pause_that_does_not_return_breaks_the_engine(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts
) -> None:
    settings = LONG.model_copy(update={"silence_s": 3.0})
    async with around(vllm, pointer(policies[1], 1), settings) as engine:
        requests = await begin(engine, contexts[:4])
        await engine.prefetch(pointer(policies[2], 2))
        with stopped():
            with pytest.raises(EngineBroken, match="vLLM's pause did not end within 3 s"):
                await engine.swap(pointer(policies[2], 2))
            await assert_dead(engine, requests, contexts)
    await vllm.resume_generation()


async def test_an_engine_that_samples_nothing_is_dead(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts
) -> None:
    settings = LONG.model_copy(update={"silence_s": 3.0})
    async with around(vllm, pointer(policies[1], 1), settings) as engine:
        requests = await begin(engine, contexts[:4])
        with stopped():
            _, pending = await asyncio.wait(requests, timeout=60)
            assert not pending
            with pytest.raises(EngineDied, match=r"no token for \d s .* with \d requests under way"):
                await engine.check_health()
            await assert_dead(engine, requests, contexts)


async def assert_dead(engine: PolicyEngine, requests: list[asyncio.Task[Any]], contexts: Contexts) -> None:
    """Requests under way and new ones fail, and so does a swap: at once, without vLLM's help."""
    async with asyncio.timeout(30):
        ends = await asyncio.gather(*requests, return_exceptions=True)
        assert all(isinstance(end, EngineDied) for end in ends), ends
        with pytest.raises(EngineDied):
            await engine.generate(contexts[0], 8, GREEDY)
        with pytest.raises(EngineDied):
            await engine.swap(pointer(Path("anywhere"), 9))
        with pytest.raises(EngineDied):
            await engine.check_health()


async def test_a_request_without_a_token_is_aborted_while_others_go_on(
    vllm: Any, engine: PolicyEngine, policies: dict[int, Path], contexts: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = LONG.model_copy(update={"silence_s": 3.0})
    async with around(vllm, pointer(policies[1], 1), settings) as engine:
        found: list[str] = []

        def find_one() -> list[str]:
            found.extend([] if found else list(engine._watch._requests)[:1])
            return found

        monkeypatch.setattr(engine._watch, "silent_requests", find_one)
        ends = await asyncio.gather(*await begin(engine, contexts), return_exceptions=True)
        (failure,) = [end for end in ends if isinstance(end, RequestFailed)]
        assert "got no token for 3 s (sampler.engine.silence_s) while others got theirs" in str(failure)
        assert all(end.token_ids for end in ends if not isinstance(end, BaseException))
        assert (await engine.generate(contexts[0], 8, GREEDY)).token_ids


async def test_tokens_are_counted_while_they_are_sampled(engine: PolicyEngine, contexts: Contexts) -> None:
    before = engine.tokens_sampled
    turns = await asyncio.gather(*(engine.generate(context, 60, RANDOM) for context in contexts))
    assert engine.tokens_sampled - before == sum(len(turn.token_ids) for turn in turns)


async def test_prefetched_bytes_are_reported_and_a_damaged_policy_is_refused(
    engine: PolicyEngine, policies: dict[int, Path], tmp_path: Path
) -> None:
    before = engine.bytes_read
    await engine.prefetch(pointer(policies[3], 3))
    assert engine.bytes_read - before >= (policies[3] / "model.safetensors").stat().st_size
    shutil.copytree(policies[3], tmp_path / "damaged")
    weights = tmp_path / "damaged" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-10] ^= 1
    weights.write_bytes(content)
    with pytest.raises(SwapError, match=r"policy 4 was not loaded: .* is corrupted: .* keeps policy 1"):
        await engine.swap(pointer(tmp_path / "damaged", 4))
    assert engine.version == 1
