"""Placement of samplers and ranks on GPUs where the configuration leaves it open."""

from pathlib import Path

import pytest

from actors.engine import dtype
from cluster.config import placement
from cluster.config.loading import load_config
from cluster.config.machine import Gpu, Machine
from cluster.config.memory import GIB
from cluster.config.placement import place, require_engine
from cluster.config.plan import plan_run
from cluster.config.run_config import ConfigError, RunConfig
from cluster.loop.algorithm import SelfTraining
from cluster.loop.algorithm_config import SelfTrainingConfig

H100 = Gpu("H100", 80 * GIB, 79 * GIB)


def demo(*overrides: str) -> RunConfig:
    return load_config("demo", None, list(overrides))


def machine(num_gpus: int) -> Machine:
    return Machine(cpus=16, memory_bytes=64 * GIB, disk_bytes=500 * GIB, gpus=(H100,) * num_gpus)


@pytest.mark.parametrize(
    ("gpus", "overrides", "sampler", "rank", "memory"),
    [
        (0, [], 0, 0, 0.9),
        (1, [], 0.5, 0.5, 0.45),
        (2, [], 1, 1, 0.9),
        (1, ["sampler.num_samplers=2"], 0.3333, 0.3333, 0.3),
        (2, ["sampler.num_samplers=2"], 0.5, 0.5, 0.45),
        (4, ["sampler.engine.tensor_parallel=2", "learner.num_ranks=2"], 2, 1, 0.9),
        (1, ["sampler.engine.gpu_memory_utilization=0.2"], 0.5, 0.5, 0.2),
        (1, ["learner.gpus_per_rank=0"], 1, 0, 0.9),
        (1, ["sampler.gpus_per_sampler=1"], 1, 0, 0.9),
        (2, ["sampler.gpus_per_sampler=1"], 1, 1, 0.9),
    ],
)
def test_open_settings_are_placed_on_the_gpus_of_the_machine(
    gpus: int, overrides: list[str], sampler: float, rank: float, memory: float
) -> None:
    placed = place(demo(*overrides), gpus)

    assert (placed.sampler.gpus_per_sampler, placed.learner.gpus_per_rank) == (sampler, rank)
    assert placed.sampler.engine.gpu_memory_utilization == memory


@pytest.mark.parametrize("gpus", [1, 2, 3, 4])
@pytest.mark.parametrize("samplers", [1, 2, 3, 5])
def test_shared_gpus_suffice_for_all_processes(gpus: int, samplers: int) -> None:
    plan = plan_run(place(demo(f"sampler.num_samplers={samplers}"), gpus), Path(), machine(gpus))

    assert plan.gpus_needed <= gpus
    assert plan.fits, plan.shortfalls


def test_several_ranks_on_one_gpu_are_refused_with_the_numbers() -> None:
    plan = plan_run(place(demo("learner.num_ranks=2"), 1), Path(), machine(1))

    assert "GPUs: 3 needed (2 for learner ranks, 1 for samplers), 1 present" in plan.shortfalls


def test_a_rank_beside_an_engine_may_use_what_the_engine_leaves() -> None:
    learner, sampler = plan_run(place(demo(), 1), Path(), machine(1)).roles

    assert sampler.budget_bytes == pytest.approx(0.45 * 80 * GIB, rel=1e-6)
    assert learner.budget_bytes == pytest.approx(0.55 * 80 * GIB, rel=1e-6)
    assert learner.device_label == sampler.device_label == "0.5 of a GPU"


def test_a_preset_that_names_its_gpus_keeps_them() -> None:
    config = load_config("7b", None, [])

    assert place(config, 1) == config


@pytest.mark.parametrize(("gpus", "tensor_parallel"), [(1, 2), (3, 2), (1.5, 1), (0.5, 2)])
def test_an_engine_must_have_the_gpus_it_is_spread_over(gpus: float, tensor_parallel: int) -> None:
    with pytest.raises(ConfigError, match=rf"gpus_per_sampler \({gpus:g}\) must be engine.tensor_parallel"):
        demo(f"sampler.gpus_per_sampler={gpus}", f"sampler.engine.tensor_parallel={tensor_parallel}")


@pytest.mark.parametrize(
    ("for_gpus", "gpus", "wanted"), [(False, 1, "AUTOMATHES_ACCELERATOR=gpu"), (True, 0, "AUTOMATHES_ACCELERATOR=cpu")]
)
def test_the_wrong_build_of_vllm_is_refused_before_anything_starts(
    for_gpus: bool, gpus: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "samples_on_gpus", lambda: for_gpus)

    with pytest.raises(ConfigError, match=f"{wanted} make setup"):
        require_engine(demo(f"sampler.gpus_per_sampler={gpus}"))


def test_tune_reserves_the_gpus_of_samplers_and_ranks(tmp_path: Path) -> None:
    config = SelfTrainingConfig(place(demo(), 1), str(tmp_path))

    bundles = SelfTraining.default_resource_request(config).bundles

    assert [bundle.get("GPU", 0) for bundle in bundles] == [0, 0.5, 0.5]
    assert [bundle["CPU"] for bundle in bundles[1:]] == [0.5, 0.5]


def test_a_run_is_adapted_to_a_machine_with_or_without_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "find_gpus", lambda: (H100,))
    monkeypatch.setattr(placement, "samples_on_gpus", lambda: False)
    made_on_a_gpu = place(demo(), 1)

    assert placement.adapt_placement(made_on_a_gpu).sampler.gpus_per_sampler == 0
    assert placement.adapt_placement(made_on_a_gpu).learner.gpus_per_rank == 0
    assert placement.adapt_placement(place(demo(), 0)) == demo()
    monkeypatch.setattr(placement, "samples_on_gpus", lambda: True)
    assert placement.adapt_placement(place(demo(), 0)) == made_on_a_gpu
    assert placement.adapt_placement(made_on_a_gpu) == made_on_a_gpu


@pytest.mark.parametrize(
    ("gpus", "multiplies", "precision"), [(0, False, "fp32"), (0, True, "bf16"), (1, False, "bf16"), (1, True, "bf16")]
)
def test_the_precision_auto_is_resolved_with_the_placement(
    gpus: int, multiplies: bool, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtype, "processor_multiplies_bfloat16", lambda: multiplies)
    placed = place(demo("learner.precision=auto"), gpus)

    assert placed.learner.precision == precision
    monkeypatch.setattr(dtype, "processor_multiplies_bfloat16", lambda: not multiplies)
    assert place(placed, gpus).learner.precision == precision  # a run keeps the precision it started with


def test_the_placement_of_a_joined_cluster_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "samples_on_gpus", lambda: False)
    config = place(demo("ray.address=auto"), 1)

    assert placement.adapt_placement(config) == config
