"""Small policies of one shape, one vLLM for all modules, whose start takes half a minute, and what its tests share."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from actors.engine import PolicyEngine
from actors.engine.policy_files import tensor_shapes
from actors.engine.prefetch import LocalPolicy
from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.settings import EngineSettings
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.artifacts.cache import Held
from store.records import PolicyPointer

SETTINGS = EngineSettings(dtype="float32", max_model_len=192, max_concurrent_rollouts=64, enforce_eager=True)
LONG = SETTINGS.model_copy(update={"max_model_len": 1024})
FORMAT = get_format("tir")
SMALL = {"num_layers": 1, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "num_kv_heads": 1}
CORPUS = [f"Question: What is {a} * 7?\nSolution:\n```python\nprint({a} * 7)\n```\n" for a in range(40)]


@pytest.fixture(scope="session")
def policies(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Policies of one shape, by version. Tests do not change them."""
    root = tmp_path_factory.mktemp("policies")
    for version in (1, 2, 3):
        make_base(TinyLlama(seed=version, **SMALL), root / str(version), CORPUS)
    return {version: root / str(version) for version in (1, 2, 3)}


@pytest.fixture(scope="session")
def codec(policies: dict[int, Path]) -> Codec:
    return Codec.from_folder(policies[1], FORMAT)


@pytest.fixture(scope="session")
def contexts(codec: Codec) -> list[tuple[int, ...]]:
    return [codec.prompt(f"What is {a} * 7?") for a in range(24)]


def greedy_by_transformers(folder: Path, context: Sequence[int], max_tokens: int) -> tuple[int, ...]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    ids = torch.tensor([list(context)])
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_tokens, do_sample=False)
    return tuple(written[0, len(context) :].tolist())


def engine_processes() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if is_core(child)]


def is_core(process: psutil.Process) -> bool:
    try:
        return "EngineCore" in process.name()
    except psutil.NoSuchProcess:  # a short-lived one of vLLM's start, such as lscpu
        return False


def pointer(folder: Path, version: int) -> PolicyPointer:
    return PolicyPointer(version, str(folder))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def vllm(policies: dict[int, Path]) -> AsyncIterator[Any]:
    """vLLM's engine, with policy 1 at first."""
    starter = PolicyEngine(LONG, FORMAT.stop)
    await starter.start(pointer(policies[1], 1))
    yield starter._engine
    starter.close()


@pytest_asyncio.fixture(loop_scope="session")
async def engine(vllm: Any, policies: dict[int, Path]) -> AsyncIterator[PolicyEngine]:
    """An engine that is whole and has policy 1, whatever the test before did to it."""
    async with around(vllm, pointer(policies[1], 1), LONG) as engine:
        await engine.swap(pointer(policies[2], 2))
        await engine.swap(pointer(policies[1], 1))
        yield engine


class around:  # noqa: N801 - used like a function
    """A `PolicyEngine` around a vLLM that runs already."""

    def __init__(
        self, vllm: Any, loaded: PolicyPointer, settings: EngineSettings, stop: str = FORMAT.stop, **options: Any
    ) -> None:
        self._engine = engine = PolicyEngine(settings, stop, **options)
        engine._engine, engine._policy, engine._prefetched = vllm, loaded, loaded
        engine._local = engine._prefetched_local = LocalPolicy(loaded, Held(Path(loaded.path)))
        engine._shapes = tensor_shapes(Path(loaded.path))

    async def __aenter__(self) -> PolicyEngine:
        self._engine._supervisor.start(self._engine._engine)
        return self._engine

    async def __aexit__(self, *_: object) -> None:
        self._engine._supervisor.stop()
