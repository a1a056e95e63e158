"""Small policies of one shape, and what the tests of engines share."""

from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from actors.codec import Codec
from actors.formats import get_format
from actors.settings import EngineSettings
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama

SETTINGS = EngineSettings(dtype="float32", max_model_len=192, max_concurrent_rollouts=64, enforce_eager=True)
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
