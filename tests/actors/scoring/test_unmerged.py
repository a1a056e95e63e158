"""A value model with LoRA, scored by vLLM with its adapter beside the policy, and merged by torch."""

import random
from pathlib import Path

import pytest
import torch

from actors.scoring.loading import open_scorer
from actors.scoring.scorer import ScoringError
from actors.settings import EngineSettings
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from learner.value.adapter import ADAPTER, write_adapter
from learner.value.lora import add_lora, merge
from learner.value.network import load_classifier
from learner.value.settings import LoraSettings

SETTINGS = EngineSettings(dtype="float32", max_model_len=192, max_concurrent_rollouts=64, enforce_eager=True)
LORA = LoraSettings(rank=4, alpha=8)


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    small = TinyLlama(num_layers=2, hidden_size=64, intermediate_size=96, num_heads=2, num_kv_heads=1)
    make_base(small, folder, [f"What is {a} * 7?\n" for a in range(40)])
    return folder


@pytest.fixture(scope="module")
def value_model(policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A value model with random updates, as it is published: merged, and its adapter beside."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("value")
    model = load_classifier(policy, torch.float32, 0)
    add_lora(model.base_model, LORA)
    for name, parameter in model.named_parameters():
        if name.endswith("lora_b"):
            torch.nn.init.normal_(parameter, std=0.05)
    weights = model.state_dict()
    write_adapter(folder / ADAPTER, weights, LORA, "policy")
    model.save_pretrained(folder, state_dict=merge(weights, LORA))
    return folder


@pytest.mark.slow
def test_the_adapter_beside_the_policy_scores_as_the_merged_model(policy: Path, value_model: Path) -> None:
    rng = random.Random(0)
    sequences = [[rng.randrange(3, 300) for _ in range(rng.randrange(1, 190))] for _ in range(200)]
    with open_scorer("torch", value_model, SETTINGS) as scorer:
        merged = scorer.score(sequences)
    with open_scorer("vllm", value_model, SETTINGS, policy) as scorer:
        unmerged = scorer.score(sequences)
    assert max(merged) - min(merged) > 0.1
    assert unmerged == pytest.approx(merged, abs=1e-4)


def test_a_value_model_without_an_adapter_is_refused(policy: Path, tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="has no adapter"):
        open_scorer("vllm", tmp_path, SETTINGS, policy)
