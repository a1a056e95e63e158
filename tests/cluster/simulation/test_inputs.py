"""Rooflines, assumptions and fits give the numbers that they should."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cluster.config.loading import load_config
from cluster.config.memory import Sampling
from cluster.config.model_shapes import shape_of_model
from cluster.config.run_config import ConfigError
from cluster.simulation.case import DecodeSpeed, Shape
from cluster.simulation.inputs.assumptions import (
    AssumedRollouts,
    Assumptions,
    HardwareAssumptions,
    RolloutAssumptions,
    read_assumptions,
)
from cluster.simulation.inputs.engine_fit import Occupancy, Stay, fit_decode_speed
from cluster.simulation.inputs.hardware import UnknownGpuError, gpu_kind
from cluster.simulation.inputs.planned import Planned
from cluster.simulation.inputs.roofline import EngineDoesNotFitError, decode_speed, train_seconds
from cluster.simulation.parts.engine import SimulatedEngine
from cluster.simulation.parts.events import EventQueue
from cluster.simulation.parts.host import HostCores

QWEN = shape_of_model("Qwen/Qwen2.5-Math-7B")
IDEAL = HardwareAssumptions(
    decode_bandwidth_share=1, decode_flops_share=1, step_overhead_s=0, layer_sync_s=0, train_flops_share=1,
    step_latency_s=0, padding_share=0,
)  # fmt: skip
H100 = gpu_kind("h100")


def speed(tensor_parallel: int = 1, places: int = 256, assumed: HardwareAssumptions = IDEAL) -> DecodeSpeed:
    sampling = Sampling("bf16", max_model_len=2048, concurrency=places, tensor_parallel=tensor_parallel)
    return decode_speed(QWEN, H100, sampling, 0.9, 600.0, assumed)


# ---------------------------------------------------------------- engines


def test_a_single_sequence_reads_the_weights_once_a_token() -> None:
    assert speed().step_s[1] == pytest.approx(QWEN.weights_bytes("bf16") / 3.35e12, rel=0.02)


def test_many_sequences_share_the_weights_and_read_a_cache_each() -> None:
    one, many = speed().step_s[1], speed().step_s[256]

    assert many - one == pytest.approx(255 * 600 * QWEN.kv_bytes_per_token("bf16") / 3.35e12)
    assert many < 2 * one


def test_so_many_sequences_that_arithmetic_takes_longer_than_memory_are_bound_by_it() -> None:
    small_cache = replace(QWEN, kv_heads=1, head_dim=1)
    sampling = Sampling("bf16", max_model_len=2048, concurrency=2000)
    bound = decode_speed(small_cache, H100, sampling, 0.9, 100.0, IDEAL)

    assert bound.step_s[2000] == pytest.approx(2 * small_cache.parameters * 2000 / 989e12)


def test_tensor_parallel_divides_a_step_and_synchronises_each_layer() -> None:
    assumed = IDEAL.model_copy(update={"layer_sync_s": 1e-5})

    assert speed(2, assumed=assumed).step_s[1] == pytest.approx(speed().step_s[1] / 2 + 2 * 28 * 1e-5)


def test_an_engine_has_no_more_places_than_its_memory() -> None:
    sampling = Sampling("bf16", max_model_len=2048, concurrency=4000)
    places = decode_speed(QWEN, gpu_kind("A100"), sampling, 0.9, 1000.0, IDEAL).places

    assert 400 < places < 1200
    with pytest.raises(EngineDoesNotFitError, match=r"1 L4: raise sampler\.engine\.tensor_parallel"):
        decode_speed(QWEN, gpu_kind("L4"), replace(sampling, concurrency=16), 0.7, 1000.0, IDEAL)


# ---------------------------------------------------------------- ranks


def train_s(ranks: int, **changes: Any) -> float:
    learner = load_config("7b", None, []).learner.model_copy(update={"num_ranks": ranks, **changes})
    return train_seconds(QWEN, H100, learner, samples=12_800, sample_tokens=500.0, assumed=IDEAL)


def test_training_costs_eight_operations_for_each_parameter_and_token() -> None:
    assert train_s(1) == pytest.approx(12_800 * 500 * 8 * QWEN.parameters / 989e12)
    assert train_s(1, gradient_checkpointing=False) == pytest.approx(0.75 * train_s(1))


def test_ranks_within_a_node_scale_and_beyond_it_move_weights() -> None:
    assert train_s(8) == pytest.approx(train_s(1) / 8)
    moved_s = 100 * 3 * QWEN.weights_bytes("bf16") / 50e9  # 100 steps through the network

    assert train_s(64) == pytest.approx(moved_s * 63 / 64)
    assert train_s(128) == pytest.approx(train_s(64), rel=0.02)


def test_a_rank_without_a_sample_of_the_batch_is_of_no_use() -> None:
    assumed = IDEAL.model_copy(update={"network_bytes_per_s": 1e15})
    gpu, learner = replace(H100, link_bytes_per_s=1e15), load_config("7b", None, []).learner
    few, many = (
        train_seconds(QWEN, gpu, learner.model_copy(update={"num_ranks": ranks}), 12_800, 500.0, assumed)
        for ranks in (128, 512)
    )

    assert many == pytest.approx(few)


# ---------------------------------------------------------------- rollouts


def test_assumed_rollouts_keep_to_the_limits() -> None:
    drawn = AssumedRollouts(RolloutAssumptions(runaway_share=0.2), max_tokens=400, max_blocks=2, block_wall_s=5.0)
    rng = Random(0)
    shapes = [drawn.draw(rng) for _ in range(2000)]

    assert max(shape.sampled_tokens + sum(shape.output_tokens) for shape in shapes) <= 400
    assert {len(shape.turns) for shape in shapes} == {1, 2, 3}
    assert all(len(shape.block_s) == len(shape.output_tokens) == len(shape.turns) - 1 for shape in shapes)
    assert max(seconds for shape in shapes for seconds in shape.block_s) == 5.0


def test_a_file_replaces_assumptions_and_a_wrong_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "assume.toml"
    file.write_text("[rollouts]\naccepted_share = 0.3\n")
    assert read_assumptions(file).rollouts.accepted_share == 0.3
    assert read_assumptions(None) == Assumptions()

    file.write_text("[hardware]\nspeed = 1\n")
    with pytest.raises(ConfigError, match=r"hardware\.speed"):
        read_assumptions(file)


def test_an_unknown_gpu_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownGpuError, match="'B100' is unknown: choose one of H200, H100, A100, L4"):
        gpu_kind("B100")


def test_the_training_set_has_the_distinct_solutions_up_to_the_limit() -> None:
    def samples(*overrides: str) -> float:
        config = load_config("7b", None, ["iteration.problems=100", *overrides])
        return Planned(config, H100, Assumptions()).trained_samples

    assert samples("iteration.samples_per_problem=2") == pytest.approx(100 * 2 * 0.6 * 0.8)
    assert samples("iteration.samples_per_problem=64") == 100 * 4


# ---------------------------------------------------------------- fits


def stays_of(true: DecodeSpeed, waves: list[int]) -> list[Stay]:
    """Rollouts of a simulated engine, in waves of so many at a time."""
    events, rng = EventQueue(), Random(3)
    engine = SimulatedEngine(events, true, HostCores(None))
    stays: list[Stay] = []

    def begin(tokens: int) -> None:
        began_at = events.now
        engine.submit(0, tokens, lambda _: end(began_at, tokens), None)

    def end(began_at: float, tokens: int) -> None:
        stays.append(Stay(began_at, events.now, events.now - began_at, tokens))

    for number, size in enumerate(waves):
        for _ in range(size):
            events.at(number * 1000.0, begin, rng.randint(50, 200))
    events.run(lambda: False)
    return stays


@pytest.mark.parametrize(
    ("waves", "seen"),
    [([4, 16, 64, 32, 8, 64], (8, 32, 64)), ([100, 64, 80], (48, 64))],
    ids=["of all sizes", "larger than the engine"],
)
def test_a_fit_finds_the_speed_of_the_engine_that_made_the_rollouts(waves: list[int], seen: tuple[int, ...]) -> None:
    true = DecodeSpeed(tuple(0.02 + 0.001 * n for n in range(65)))
    stays = stays_of(true, waves)

    fitted = fit_decode_speed(stays, Occupancy(stays), samplers=1, places=64)

    for n in seen:
        assert fitted.step_s[n] == pytest.approx(true.step_s[n], rel=0.1)


def test_occupancy_counts_a_rollout_for_its_time_in_the_engine() -> None:
    occupancy = Occupancy([Stay(0.0, 10.0, 5.0, 100), Stay(5.0, 15.0, 10.0, 100)])

    assert occupancy.capped_integral(0.0, 20.0, places=8) == pytest.approx(5 + 10)
    assert occupancy.capped_integral(5.0, 10.0, places=1) == pytest.approx(5)
    assert occupancy.capped_integral(0.0, 5.0, places=8) == pytest.approx(2.5)


def test_a_planned_case_reads_the_configuration() -> None:
    config = load_config("7b", None, ["iteration.lead=2", "sampler.swap_wait_s=17"])
    case = Planned(config, H100, Assumptions()).case(samplers=6, ranks=2)

    read: Mapping[str, Any] = {
        "problems": case.problems, "samples": case.samples_per_problem, "lead": case.lead, "quorum": case.quorum,
        "wait": case.samplers.swap_wait_s, "count": case.samplers.count, "ranks": case.learner.ranks,
        "sizes": case.measuring.sizes, "sampled": case.measuring.sampled, "places": case.samplers.speed.places,
    }  # fmt: skip
    assert read == {
        "problems": 14_000, "samples": 8, "lead": 2, "quorum": 0.95, "wait": 17, "count": 6, "ranks": 2,
        "sizes": (500, 1000, 1500), "sampled": 8, "places": 256,
    }  # fmt: skip
    assert isinstance(case.workload.draw(Random(0)), Shape)
