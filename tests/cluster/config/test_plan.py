"""The plan's figures against cases worked out by hand, and against what autograd and the libraries say themselves."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cluster.config.loading import validate
from cluster.config.machine import (
    Gpu,
    Machine,
    available_memory_bytes,
    find_gpus,
    free_disk_bytes,
    parse_gpus,
    this_machine,
)
from cluster.config.memory import GIB, Sampling, Training, kv_cache_minimum_bytes, sampling_parts, training_parts
from cluster.config.model_shapes import ModelShape, ShapeError, UnknownModelError, shape_of_model
from cluster.config.plan import DoesNotFitError, plan_run, training_of
from cluster.config.run_config import RunConfig

QWEN_7B = shape_of_model("Qwen/Qwen2.5-Math-7B")
SEVEN_BILLION = ModelShape(
    "seven", hidden=100, layers=1, heads=1, kv_heads=1, head_dim=1, intermediate=1, vocab=34_999_995
)
H100 = Gpu("H100", 80 * GIB, 79 * GIB)
NODE = Machine(cpus=64, memory_bytes=512 * GIB, disk_bytes=2000 * GIB, gpus=(H100,) * 8)
LAPTOP = Machine(cpus=4, memory_bytes=16 * GIB, disk_bytes=100 * GIB)

MIXED = Training(num_ranks=1, zero_stage=1, precision="bf16", micro_batch_tokens=1000)


def config(**changes: Any) -> RunConfig:
    problems = [{"kind": "reasoning_gym", "dataset": "gcd"}]
    return validate({"base": {"kind": "tiny_llama"}, "problems": problems} | changes, where="test")


def config_7b(num_ranks: int = 4, **engine: Any) -> RunConfig:
    phase = {"epochs": 1, "batch_size": 64, "micro_batch_tokens": 8192}
    return config(
        base={"kind": "huggingface", "name": "Qwen/Qwen2.5-Math-7B"},
        learner={
            "num_ranks": num_ranks,
            "gpus_per_rank": 1,
            "zero_stage": 3,
            "precision": "bf16",
            "gradient_checkpointing": True,
            "max_sequence_tokens": 4096,
            "warm_start": phase,
            "iteration": phase,
        },
        sampler={"num_samplers": 4, "gpus_per_sampler": 1, "engine": {"max_model_len": 4096, **engine}},
    )


# ------------------------------------------------------------------------------------------ the model


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen/Qwen2.5-Math-7B", 7_615_616_512),
        ("Qwen/Qwen2.5-Math-1.5B", 1_543_714_304),
        ("mistralai/Mistral-7B-v0.1", 7_241_732_096),
        ("SmolLM2-135M-Instruct", 134_515_008),
    ],
)
def test_the_parameters_of_known_models_are_those_of_their_checkpoints(name: str, parameters: int) -> None:
    assert shape_of_model(name).parameters == parameters


def test_a_folder_is_planned_by_its_own_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps(
            {
                "hidden_size": 4096,
                "num_hidden_layers": 32,
                "num_attention_heads": 32,
                "intermediate_size": 11008,
                "vocab_size": 32000,
            }
        )
    )

    assert shape_of_model(str(tmp_path)).parameters == 6_738_415_616  # Llama 2 7B


def test_a_config_without_a_size_is_refused_by_key(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8, "num_attention_heads": 2}')

    with pytest.raises(ShapeError, match="num_hidden_layers"):
        shape_of_model(str(tmp_path))


def test_a_config_that_is_not_json_is_refused_by_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    with pytest.raises(ShapeError, match=r"config\.json cannot be read"):
        shape_of_model(str(tmp_path))


@pytest.mark.parametrize("name", ["nobody/no-such-model", "not a name"])
def test_an_unknown_model_is_refused_with_a_remedy(name: str) -> None:
    with pytest.raises(UnknownModelError, match="give a folder"):
        shape_of_model(name)


# ------------------------------------------------------------------------------------------ training


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
            kept[storage.data_ptr()] = tensor  # holding it keeps its address from being used again
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


def test_the_largest_micro_batch_of_both_phases_counts() -> None:
    settings = config(
        learner={
            "num_ranks": 2,
            "max_sequence_tokens": 100,
            "warm_start": {"steps": 1, "batch_size": 9},
            "iteration": {"steps": 1, "batch_size": 64, "micro_batch_tokens": 300},
        }
    ).learner

    assert training_of(settings).micro_batch_tokens == 500  # the warm start's 5 whole sequences a rank


# ------------------------------------------------------------------------------------------ sampling


def test_the_cache_of_a_token_of_qwen_7b_is_56_kib() -> None:
    assert QWEN_7B.kv_bytes_per_token("bf16") == 2 * 28 * 4 * 128 * 2 == 56 * 1024


def test_tensor_parallel_divides_weights_and_cache_down_to_one_head() -> None:
    one = Sampling("bf16", max_model_len=1000, concurrency=10)
    eight = replace(one, tensor_parallel=8)

    assert sampling_parts(QWEN_7B, eight)["weights"] == -(-QWEN_7B.parameters * 2 // 8)
    assert kv_cache_minimum_bytes(QWEN_7B, eight) == kv_cache_minimum_bytes(QWEN_7B, one) // 4


# ------------------------------------------------------------------------------------------ fitting


def test_a_7b_run_fits_a_node_of_eight_large_gpus() -> None:
    plan = plan_run(config_7b(), Path(), NODE)

    assert plan.gpus_wanted == 8
    assert plan.fits, plan.shortfalls


def test_a_7b_run_without_gpus_is_refused_with_the_numbers() -> None:
    plan = plan_run(config_7b(), Path(), LAPTOP)

    assert not plan.fits
    with pytest.raises(DoesNotFitError, match=r"8 are wanted \(4 for learner ranks, 4 for samplers\), 0 are here"):
        plan.require_fit()


def test_gpus_too_small_for_a_role_are_named_with_a_remedy() -> None:
    small = replace(NODE, gpus=(Gpu("RTX", 24 * GIB, 24 * GIB),) * 8)

    shortfalls = "\n".join(plan_run(config_7b(num_ranks=4), Path(), small).shortfalls)

    assert "learner rank: " in shortfalls
    assert "zero_stage 3" in shortfalls


def test_a_gpu_that_cannot_hold_the_weights_is_too_small_for_a_sampler() -> None:
    small = replace(NODE, gpus=(H100,) * 7 + (Gpu("T4", 15 * GIB, 15 * GIB),))

    shortfalls = "\n".join(plan_run(config_7b(), Path(), small).shortfalls)

    assert "sampler: " in shortfalls
    assert "tensor_parallel" in shortfalls


def test_rollouts_that_do_not_fit_at_once_are_told() -> None:
    plan = plan_run(config_7b(max_concurrent_rollouts=1024), Path(), NODE)

    note = plan.roles[1].note
    assert "of 1024 rollouts at once" in note
    assert not note.startswith("bfloat16, 1024 of")
    assert plan.roles[1].bytes <= 0.9 * H100.memory_bytes


def test_the_demo_fits_a_laptop() -> None:
    plan = plan_run(config(), Path(), LAPTOP)

    assert plan.fits, plan.shortfalls
    assert plan.gpus_wanted == 0


def test_too_little_memory_and_disk_are_told_with_the_numbers() -> None:
    plan = plan_run(config(), Path(), Machine(cpus=1, memory_bytes=GIB, disk_bytes=GIB // 2))

    memory, disk = plan.shortfalls
    assert memory.startswith("host memory: ")
    assert "1.0 GiB are available" in memory
    assert "512.0 MiB are free" in disk


def test_the_plan_is_json_and_shows_every_part() -> None:
    plan = plan_run(config_7b(), Path(), LAPTOP)

    as_json = json.loads(json.dumps(plan.as_dict()))
    assert as_json["fits"] is False
    assert as_json["gpus"] == {"wanted": 8, "present": []}
    assert set(as_json["roles"][0]["bytes_by_part"]) >= {"weights", "gradients", "optimizer", "activations"}
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(plan.render())
    text = console.export_text()
    for word in ("weights", "optimizer", "kv_cache", "8 wanted", "It does not fit"):
        assert word in text


# ------------------------------------------------------------------------------------------ the machine


def test_gpus_are_read_from_nvidia_smi_and_shares_without_memory_left_out() -> None:
    gpus = parse_gpus("NVIDIA H200, 143771, 143000\nNVIDIA H200, [N/A], [N/A]\n")

    assert gpus == (Gpu("NVIDIA H200", 143771 * 2**20, 143000 * 2**20),)


def test_a_driver_that_fails_means_no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'; exit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_gpus() == ()


def test_this_machine_is_measured(tmp_path: Path) -> None:
    machine = this_machine(tmp_path / "not" / "there" / "yet")

    assert machine.cpus >= 1
    assert 0 < available_memory_bytes() < 2**50
    assert machine.disk_bytes == pytest.approx(free_disk_bytes(tmp_path), rel=0.05)


def test_planning_imports_nothing_heavy() -> None:
    code = "import sys, cluster.plan; print([name for name in ('torch', 'ray', 'vllm') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert answer.stdout.strip() == "[]"
