"""Scores of value models by torch and by vLLM."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from actors.scoring.loading import open_scorer
from actors.scoring.scorer import ScoringError
from actors.scoring.torch_scorer import TorchScorer
from actors.settings import EngineSettings
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from tests.value_models import make_value_model

SETTINGS = EngineSettings(dtype="float32", max_model_len=192, max_concurrent_rollouts=64, enforce_eager=True)
CORPUS = [f"What is {a} * 7?\n```python\nprint({a} * 7)\n```\n" for a in range(40)]


@pytest.fixture(scope="module")
def value_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A value model of a random policy, with a head whose scores spread."""
    policy, folder = tmp_path_factory.mktemp("policy"), tmp_path_factory.mktemp("value")
    small = TinyLlama(num_layers=2, hidden_size=64, intermediate_size=96, num_heads=2, num_kv_heads=1)
    make_base(small, policy, CORPUS)
    make_value_model(policy, folder)
    return folder


@pytest.fixture(scope="module")
def sequences() -> list[list[int]]:
    """Two hundred sequences of all lengths."""
    rng = random.Random(0)
    return [[rng.randrange(3, 300) for _ in range(rng.randrange(1, 190))] for _ in range(200)]


@pytest.fixture(scope="module")
def by_torch(value_model: Path, sequences: list[list[int]]) -> list[float]:
    with open_scorer("torch", value_model, SETTINGS) as scorer:
        return scorer.score(sequences)


def test_a_score_is_the_value_after_the_last_token(
    value_model: Path, sequences: list[list[int]], by_torch: list[float]
) -> None:
    from transformers import AutoModelForSequenceClassification

    model: Any = AutoModelForSequenceClassification.from_pretrained(value_model, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = [float(model(torch.tensor([one])).logits[0, 0]) for one in sequences[:40]]
    assert by_torch[:40] == pytest.approx(expected, abs=1e-5)


def test_a_pad_token_at_the_end_is_a_token(value_model: Path) -> None:
    with TorchScorer(value_model, SETTINGS) as scorer:
        with_pad, without = scorer.score([[5, 6, 7, 0], [5, 6, 7]])
    assert with_pad != pytest.approx(without, abs=1e-3)


def test_scores_do_not_depend_on_what_is_scored_beside(
    value_model: Path, sequences: list[list[int]], by_torch: list[float]
) -> None:
    with TorchScorer(value_model, SETTINGS) as scorer:
        alone = [scorer.score([one])[0] for one in sequences[:10]]
    assert alone == pytest.approx(by_torch[:10], abs=1e-5)


@pytest.mark.parametrize("sequence", [[], [5] * 193])
def test_what_is_empty_or_too_long_is_refused(value_model: Path, sequence: Sequence[int]) -> None:
    with TorchScorer(value_model, SETTINGS) as scorer, pytest.raises(ScoringError, match="1 to 192"):
        scorer.score([[5], sequence])


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="cannot be loaded"):
        TorchScorer(tmp_path, SETTINGS)


@pytest.mark.slow
def test_vllm_and_torch_agree(value_model: Path, sequences: list[list[int]], by_torch: list[float]) -> None:
    with open_scorer("vllm", value_model, SETTINGS) as scorer:
        by_vllm = scorer.score(sequences)
    assert max(by_torch) - min(by_torch) > 0.1
    assert by_vllm == pytest.approx(by_torch, abs=1e-4)
