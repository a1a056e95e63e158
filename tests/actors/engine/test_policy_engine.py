"""One real vLLM engine for the whole module: a start takes half a minute."""

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from actors.engine import EngineStartError, PolicyEngine, SwapError
from actors.engine.load import EngineLoad
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import End, Generation
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import PolicyPointer, PolicySpan, Sampling

from .conftest import CORPUS, FORMAT, SETTINGS, SMALL, engine_processes, greedy_by_transformers, is_core

in_module_loop = pytest.mark.asyncio(loop_scope="module")

GREEDY, RANDOM = Sampling(temperature=0.0), Sampling(temperature=1.0)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Policies of one shape, named by their seed, `another-shape`, and folders that the engine must reject."""
    root = tmp_path_factory.mktemp("policies")
    bases = {str(seed): TinyLlama(seed=seed, **SMALL) for seed in (1, 2, 3)}
    bases["another-shape"] = TinyLlama(**SMALL | {"intermediate_size": 128})
    for name, base in bases.items():
        make_base(base, root / name, CORPUS)
    for name in ("truncated", "truncated-header", "garbage", "no-weights"):
        shutil.copytree(root / "2", root / name)
    _truncate(root / "truncated" / "model.safetensors", 0.7)
    _truncate(root / "truncated-header" / "model.safetensors", 0.001)
    (root / "garbage" / "model.safetensors").write_bytes(b"\xff" * 4096)
    (root / "no-weights" / "model.safetensors").unlink()
    (root / "empty").mkdir()
    return {path.name: path for path in root.iterdir()} | {"missing": root / "missing"}


def _truncate(path: Path, fraction: float) -> None:
    with path.open("r+b") as file:
        file.truncate(int(path.stat().st_size * fraction))


def pointer(folder: Path, version: int) -> PolicyPointer:
    return PolicyPointer(version, str(folder))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(folders: dict[str, Path]) -> AsyncIterator[PolicyEngine]:
    others, engine = engine_processes(), PolicyEngine(SETTINGS, FORMAT.stop)
    await engine.start(pointer(folders["1"], 1))
    processes = [process for process in engine_processes() if process not in others]
    assert processes
    yield engine
    engine.close()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not alive, "the engine's processes outlived it"


async def load(engine: PolicyEngine, folders: dict[str, Path], version: int) -> None:
    await engine.swap(pointer(folders[str(version)], version))


async def sample(
    engine: PolicyEngine, contexts: Iterable[tuple[int, ...]], max_tokens: int, sampling: Sampling
) -> list[Generation]:
    return await asyncio.gather(*(engine.generate(context, max_tokens, sampling) for context in contexts))


@in_module_loop
async def test_a_turn_computes_only_the_last_tokens_of_the_turns_before_it(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]]
) -> None:
    from vllm import SamplingParams
    from vllm.inputs.engine import tokens_input

    await load(engine, folders, 1)
    turn = await engine.generate(contexts[0], 80, RANDOM)
    context = [*contexts[0], *turn.token_ids[:-1]]  # the last token is never computed
    requests = engine._engine.generate(tokens_input(context), SamplingParams(max_tokens=1), "continued")
    (output,) = [output async for output in requests]
    assert len(context) - output.num_cached_tokens <= 32


@in_module_loop
async def test_greedy_sampling_is_repeatable(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]]
) -> None:
    await load(engine, folders, 1)
    first, again = [await sample(engine, contexts[:4], 24, GREEDY) for _ in range(2)]
    assert first == again


@in_module_loop
async def test_a_turn_reports_whether_the_policy_or_a_limit_ended_it(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]], codec: Codec
) -> None:
    await load(engine, folders, 1)
    generations = await sample(engine, [*contexts] * 2, 100, RANDOM)
    assert {generation.end for generation in generations} >= {End.LIMIT, End.END_TOKEN}
    for generation in generations:
        assert (generation.end is End.END_TOKEN) == (generation.token_ids[-1] == codec.eos_id)
        assert (generation.end is End.STOP_TEXT) == (FORMAT.stop in codec.decode(generation.token_ids))
        assert generation.end is not End.LIMIT or len(generation.token_ids) == 100
        assert codec.eos_id not in generation.token_ids[:-1]
        assert generation.spans == (PolicySpan(1, 0, len(generation.token_ids)),)


@in_module_loop
async def test_streamed_tokens_join_to_the_turn(engine: PolicyEngine, contexts: list[tuple[int, ...]]) -> None:
    streamed: list[int] = []
    generation = await engine.generate(contexts[0], 30, GREEDY, lambda ids, _: streamed.extend(ids))
    assert tuple(streamed) == generation.token_ids
    assert await engine.generate(contexts[0], 30, GREEDY) == generation


@in_module_loop
async def test_the_engine_reports_its_load_while_it_samples_and_none_afterwards(
    engine: PolicyEngine, contexts: list[tuple[int, ...]]
) -> None:
    earlier = engine._load.latest  # of another test's requests: it stays until the next report, once a second
    seen: list[EngineLoad] = []
    deadline = time.monotonic() + 120.0
    while not any(load.running and load.kv_cache_use for load in seen):
        assert time.monotonic() < deadline, seen
        requests = asyncio.create_task(sample(engine, contexts, 140, RANDOM))
        while not requests.done():
            if engine.load is not earlier:
                seen.append(engine.load)
            await asyncio.sleep(0.01)
    assert max(load.running for load in seen) <= len(contexts)
    assert all(0 <= load.kv_cache_use <= 1 for load in seen)
    assert engine.load == EngineLoad()


@in_module_loop
async def test_a_seed_makes_a_sampled_turn_repeatable(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]]
) -> None:
    await load(engine, folders, 1)
    first, again, other = [Sampling(temperature=1.0, seed=seed) for seed in (5, 5, 6)]
    other_requests = asyncio.create_task(sample(engine, contexts, 24, RANDOM))
    in_batch = await engine.generate(contexts[0], 24, first)
    await other_requests
    assert await engine.generate(contexts[0], 24, again) == in_batch
    assert await engine.generate(contexts[0], 24, other) != in_batch


@pytest.mark.parametrize("version", [2, 3, 1])
@in_module_loop
async def test_a_swap_replaces_all_weights_output_head_included(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]], version: int
) -> None:
    await load(engine, folders, version)
    assert engine.version == version
    (generation,) = await sample(engine, contexts[:1], 24, GREEDY)
    expected = greedy_by_transformers(folders[str(version)], contexts[0], len(generation.token_ids))
    assert generation.token_ids == expected
    assert [span.version for span in generation.spans] == [version]


@in_module_loop
async def test_a_swap_drops_no_request_in_flight_and_spans_record_the_versions(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]]
) -> None:
    await load(engine, folders, 1)
    under_way = asyncio.Event()
    num_tokens = 0

    def on_tokens(ids: Sequence[int], _: Any) -> None:
        nonlocal num_tokens
        num_tokens += len(ids)
        if num_tokens > 5 * len(contexts):
            under_way.set()

    requests = [asyncio.create_task(engine.generate(context, 140, RANDOM, on_tokens)) for context in contexts]
    await under_way.wait()
    assert engine.in_flight > 0
    await load(engine, folders, 2)
    generations = await asyncio.gather(*requests)
    assert any([span.version for span in generation.spans] == [1, 2] for generation in generations)
    for generation in generations:
        assert generation.token_ids
        assert [span.version for span in generation.spans] in ([1], [1, 2], [2])
        borders = [0, *(span.end for span in generation.spans)]
        assert [span.start for span in generation.spans] == borders[:-1]
        assert borders[-1] == len(generation.token_ids)
    assert engine.in_flight == 0


@in_module_loop
async def test_a_swap_to_the_loaded_version_does_nothing(engine: PolicyEngine, folders: dict[str, Path]) -> None:
    await load(engine, folders, 1)
    await engine.swap(pointer(folders["missing"], 1))
    assert engine.version == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("another-shape", r"differs in shape from the running model: model\.layers\.0\.mlp\."),
        ("truncated", r"model\.safetensors is truncated: it has \d+ bytes, and its header describes \d+"),
        ("truncated-header", r"model\.safetensors is truncated"),
        ("garbage", r"model\.safetensors is truncated or not a safetensors file"),
        ("no-weights", r"has no \*\.safetensors files"),
        ("empty", r"has no \*\.safetensors files"),
        ("missing", r"has no \*\.safetensors files"),
    ],
)
@in_module_loop
async def test_a_folder_without_a_compatible_policy_is_rejected_and_the_loaded_one_kept(
    engine: PolicyEngine, folders: dict[str, Path], contexts: list[tuple[int, ...]], name: str, reason: str
) -> None:
    await load(engine, folders, 1)
    before = await sample(engine, contexts[:2], 16, GREEDY)
    with pytest.raises(SwapError, match=reason) as caught:
        await engine.swap(pointer(folders[name], 9))
    assert str(folders[name]) in str(caught.value)
    assert engine.version == 1
    assert await sample(engine, contexts[:2], 16, GREEDY) == before


@in_module_loop
async def test_a_folder_without_weights_does_not_start_an_engine(folders: dict[str, Path]) -> None:
    engine = PolicyEngine(SETTINGS, FORMAT.stop)
    with pytest.raises(EngineStartError, match=str(folders["empty"])):
        await engine.start(pointer(folders["empty"], 1))
    assert engine.in_flight == 0
    engine.close()


OWNER = """
import asyncio, sys
from actors.engine import PolicyEngine
from actors.settings import EngineSettings
from store.records import PolicyPointer

async def main():
    engines = [PolicyEngine(EngineSettings.model_validate_json(sys.argv[2]), "x") for _ in range(3)]
    for engine in engines:
        await engine.start(PolicyPointer(1, sys.argv[1]))
        print("started", flush=True)
    await asyncio.sleep(600)

if __name__ == "__main__":
    asyncio.run(main())
"""


def _start_owner(folder: Path, script: Path) -> subprocess.Popen[str]:
    script.write_text(OWNER)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, script, folder, SETTINGS.model_dump_json()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def _cores_of(owner: subprocess.Popen[str], count: int) -> list[psutil.Process]:
    """The first engine processes of an owner, in the order of their start."""
    while owner.poll() is None:
        cores = [child for child in psutil.Process(owner.pid).children(recursive=True) if is_core(child)]
        if len(cores) == count:
            return sorted(cores, key=psutil.Process.create_time)
        time.sleep(0.05)
    raise AssertionError("the engine did not start")


@pytest.mark.slow
def test_no_engine_process_outlives_an_owner_that_was_killed(folders: dict[str, Path], tmp_path: Path) -> None:
    owner = _start_owner(folders["1"], tmp_path / "owner.py")
    try:
        assert owner.stdout is not None
        assert len(list(islice((line for line in owner.stdout if line == "started\n"), 2))) == 2
        started, stopped, starting = _cores_of(owner, 3)
        stopped.suspend()
    finally:
        owner.kill()
        owner.wait()
    _, left = psutil.wait_procs([started, stopped, starting], timeout=120)
    assert left == []


async def test_a_start_that_hangs_times_out(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from vllm.v1.engine.async_llm import AsyncLLM

    monkeypatch.setattr(AsyncLLM, "from_engine_args", lambda _: time.sleep(1.0))
    engine = PolicyEngine(SETTINGS.model_copy(update={"start_s": 0.1, "load_s_per_gib": 0.0}), FORMAT.stop)
    with pytest.raises(EngineStartError, match=r"within 0.1 s \(sampler.engine.start_s, load_s_per_gib\)"):
        await engine.start(pointer(folders["1"], 1))
