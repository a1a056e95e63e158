"""LoRA on the backbone: what is trained, and what is published."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from learner.value.engine import ValueEngine
from learner.value.lora import LoraLinear, NoLoraTargetError, merge
from learner.value.settings import LoraSettings
from store.records import Rollout

from .conftest import SHORT

LORA = LoraSettings(rank=4, alpha=8)


def test_an_update_begins_at_zero() -> None:
    layer = torch.nn.Linear(8, 6)
    inputs = torch.randn(3, 8)
    torch.testing.assert_close(LoraLinear(layer, 4, 2.0)(inputs), layer(inputs))


def test_a_merged_layer_computes_the_same() -> None:
    adapted = LoraLinear(torch.nn.Linear(8, 6), LORA.rank, LORA.scale)
    torch.nn.init.normal_(adapted.lora_b)
    weights = {f"x.proj.{name}": weight for name, weight in adapted.state_dict().items()}
    merged = merge(weights | {"x.norm.weight": torch.ones(8)}, LORA)
    assert set(merged) == {"x.proj.weight", "x.proj.bias", "x.norm.weight"}
    inputs = torch.randn(3, 8)
    expected = torch.nn.functional.linear(inputs, merged["x.proj.weight"], merged["x.proj.bias"])
    torch.testing.assert_close(adapted(inputs), expected, rtol=0, atol=1e-5)


def test_what_is_published_scores_as_the_network_that_was_trained(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], base: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForSequenceClassification

    engine = engine_of(backbone="lora", lora=LORA)
    metrics = engine.train(judged, SHORT)
    engine.save_policy(tmp_path / "value")
    assert metrics.final_loss < metrics.first_loss

    published = AutoModelForSequenceClassification.from_pretrained(tmp_path / "value", dtype=torch.float32).eval()
    unmerged = engine._model._engine.module.eval()
    with torch.inference_mode():
        for rollout in judged[:20]:
            ids = torch.tensor([rollout.prompt_ids + rollout.token_ids])
            values, _ = unmerged(ids, torch.ones_like(ids), torch.zeros(1, dtype=torch.int64))
            assert float(values[0, -1, 0]) == pytest.approx(float(published(ids).logits[0, 0]), abs=1e-4)
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "value" / "model.safetensors")
    assert set(after) == set(before) | {"score.weight"}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if name.split(".")[-2] in LORA.targets}


def test_the_updates_are_published_apart_as_well(
    engine_of: Callable[..., ValueEngine], judged: list[Rollout], base: Path, tmp_path: Path
) -> None:
    engine = engine_of(backbone="lora", lora=LORA)
    engine.train(judged, SHORT)
    engine.save_policy(tmp_path / "value")
    adapter = load_file(tmp_path / "value" / "adapter" / "adapter_model.safetensors")
    before, after = load_file(base / "model.safetensors"), load_file(tmp_path / "value" / "model.safetensors")
    assert torch.equal(adapter["base_model.model.score.weight"], after["score.weight"])
    layers = {name.rsplit(".", 2)[0].removeprefix("base_model.model.") for name in adapter if ".lora_" in name}
    assert layers == {name.removesuffix(".weight") for name in before if name.split(".")[-2] in LORA.targets}
    for layer in layers:
        a, b = (adapter[f"base_model.model.{layer}.lora_{kind}.weight"] for kind in "AB")
        torch.testing.assert_close(before[f"{layer}.weight"] + LORA.scale * b @ a, after[f"{layer}.weight"])


def test_a_model_without_the_layers_is_refused(engine_of: Callable[..., ValueEngine]) -> None:
    with pytest.raises(NoLoraTargetError, match="c_attn"):
        engine_of(backbone="lora", lora=LoraSettings(targets=("c_attn",)))
