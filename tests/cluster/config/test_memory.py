"""Memory against cases computed by hand, the ZeRO paper, and what autograd keeps."""

from dataclasses import replace
from typing import Any

import pytest

from cluster.config.memory import Sampling, Training, kv_cache_minimum_bytes, sampling_parts, training_parts
from cluster.config.model_shapes import ModelShape, shape_of_model

QWEN_7B = shape_of_model("Qwen/Qwen2.5-Math-7B")
SEVEN_BILLION = ModelShape(
    "seven", hidden=100, layers=1, heads=1, kv_heads=1, head_dim=1, intermediate=1, vocab=34_999_995
)
MIXED = Training(num_ranks=1, zero_stage=1, precision="bf16", micro_batch_tokens=1000)


def test_seven_billion_parameters_in_mixed_precision_take_14_14_and_84_gb() -> None:
    parts = training_parts(SEVEN_BILLION, MIXED)

    assert parts["weights"] == pytest.approx(14e9, rel=1e-3)
    assert parts["gradients"] == pytest.approx(14e9, rel=1e-3)
    assert parts["optimizer"] == pytest.approx(84e9, rel=1e-3)


@pytest.mark.parametrize(
    ("stage", "gigabytes"),
    [(0, 120.0), (1, 31.4), (2, 16.6), (3, 1.9)],
)
def test_zero_divides_7_5_billion_parameters_over_64_ranks_as_the_paper_says(stage: Any, gigabytes: float) -> None:
    """Figure 1 of arXiv 1910.02054."""
    shape = replace(SEVEN_BILLION, vocab=37_499_995)
    parts = training_parts(shape, replace(MIXED, num_ranks=64, zero_stage=stage))

    states = parts["weights"] + parts["gradients"] + parts["optimizer"]
    assert states / 1e9 == pytest.approx(gigabytes, abs=0.06)


def test_float32_takes_16_bytes_a_parameter() -> None:
    parts = training_parts(QWEN_7B, replace(MIXED, zero_stage=0, precision="fp32"))

    assert parts["weights"] + parts["gradients"] + parts["optimizer"] == 16 * QWEN_7B.parameters


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_are_what_autograd_keeps(precision: Any) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape = ModelShape("small", 96, 2, heads=3, kv_heads=1, head_dim=32, intermediate=256, vocab=64)
    settings = LlamaConfig(
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.intermediate,
        vocab_size=shape.vocab,
    )
    model = LlamaForCausalLM(settings).to(torch.float32 if precision == "fp32" else torch.bfloat16)
    assert sum(parameter.numel() for parameter in model.parameters()) == shape.parameters
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, Any] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = tensor  # a reference keeps its address from being reused
        return tensor

    def kept_bytes(tokens: int) -> int:
        kept.clear()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            model.model(input_ids=torch.zeros(1, tokens, dtype=torch.long), use_cache=False)
        return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())

    two_layers = kept_bytes(128)
    model.model.layers = model.model.layers[:1]
    one_layer = kept_bytes(128)

    formula = shape.layer_activation_bytes_per_token(precision)
    assert (two_layers - one_layer) / 128 == pytest.approx(formula, rel=0.02)


def test_checkpointing_keeps_each_layers_input_and_recomputes_one_layer() -> None:
    whole = training_parts(QWEN_7B, MIXED)["activations"]
    checkpointed = training_parts(QWEN_7B, replace(MIXED, gradient_checkpointing=True))["activations"]

    assert checkpointed == whole // 28 + 28 * 3584 * 2 * 1000


def test_the_logits_of_a_large_vocabulary_are_counted() -> None:
    assert training_parts(QWEN_7B, MIXED)["logits"] == 152_064 * 12 * 1000


def test_the_cache_of_a_token_of_qwen_7b_is_56_kib() -> None:
    assert QWEN_7B.kv_bytes_per_token("bf16") == 2 * 28 * 4 * 128 * 2 == 56 * 1024


def test_tensor_parallel_divides_weights_and_cache_down_to_one_head() -> None:
    one = Sampling("bf16", max_model_len=1000, concurrency=10)
    eight = replace(one, tensor_parallel=8)

    assert sampling_parts(QWEN_7B, eight)["weights"] == -(-QWEN_7B.parameters * 2 // 8)
    assert kv_cache_minimum_bytes(QWEN_7B, eight) == kv_cache_minimum_bytes(QWEN_7B, one) // 4
