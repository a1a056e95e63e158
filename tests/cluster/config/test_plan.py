"""Plans of runs: what fits, what does not and what the message says."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cluster.config.loading import validate
from cluster.config.machine import Gpu, Machine
from cluster.config.memory import GIB
from cluster.config.plan import DoesNotFitError, plan_run
from cluster.config.roles import training_of
from cluster.config.run_config import RunConfig
from cluster.console.tables.plan_table import render_plan

H100 = Gpu("H100", 80 * GIB, 79 * GIB)
NODE = Machine(cpus=64, memory_bytes=512 * GIB, disk_bytes=2000 * GIB, gpus=(H100,) * 8)
LAPTOP = Machine(cpus=4, memory_bytes=16 * GIB, disk_bytes=100 * GIB)


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


def test_a_7b_run_fits_a_node_of_eight_large_gpus() -> None:
    plan = plan_run(config_7b(), Path(), NODE)

    assert plan.gpus_needed == 8
    assert plan.fits, plan.shortfalls


def test_a_7b_run_without_gpus_is_refused_with_the_numbers() -> None:
    plan = plan_run(config_7b(), Path(), LAPTOP)

    assert not plan.fits
    with pytest.raises(DoesNotFitError, match=r"8 needed \(4 for learner ranks, 4 for samplers\), 0 present"):
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


def test_the_plan_states_how_many_rollouts_fit_at_once() -> None:
    plan = plan_run(config_7b(max_concurrent_rollouts=1024), Path(), NODE)

    note = plan.roles[1].note
    assert "of 1024 full-length rollouts at once" in note
    assert not note.startswith("bfloat16, 1024 of")
    assert plan.roles[1].bytes <= 0.9 * H100.memory_bytes


def test_the_demo_fits_a_laptop() -> None:
    plan = plan_run(config(), Path(), LAPTOP)

    assert plan.fits, plan.shortfalls
    assert plan.gpus_needed == 0


def test_too_little_memory_and_disk_are_shortfalls_with_the_numbers() -> None:
    plan = plan_run(config(), Path(), Machine(cpus=2, memory_bytes=GIB, disk_bytes=GIB // 2))

    memory, disk = plan.shortfalls
    assert memory.startswith("host memory: ")
    assert "1.0 GiB available" in memory
    assert "512.0 MiB free" in disk


def test_the_plan_shows_every_part() -> None:
    plan = plan_run(config_7b(), Path(), LAPTOP)

    assert plan.fits is False
    assert (plan.gpus_needed, plan.machine.gpus) == (8, ())
    assert set(plan.roles[0].parts) >= {"weights", "gradients", "optimizer", "activations"}
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(render_plan(plan))
    text = console.export_text()
    for word in ("weights", "optimizer", "kv_cache", "8 needed", "The run does not fit"):
        assert word in text


def test_planning_imports_nothing_heavy() -> None:
    code = "import sys, cluster.config.plan; print([name for name in ('torch', 'ray', 'vllm') if name in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

    assert process.stdout.strip() == "[]"
