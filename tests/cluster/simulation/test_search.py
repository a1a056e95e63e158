"""The search picks the fastest split, and leaves out GPUs that would only be idle."""

from time import process_time

import pytest

from cluster.config.loading import load_config
from cluster.simulation.inputs.assumptions import Assumptions
from cluster.simulation.inputs.hardware import gpu_kind
from cluster.simulation.inputs.planned import Planned
from cluster.simulation.search import NoSplitError, choose_split, simulate_slice, split_of
from cluster.simulation.simulate import simulate

from .cases import Various, make_case


def planned(*overrides: str) -> Planned:
    """A small 7B run: 1,600 rollouts an iteration, batches of 64."""
    small = (
        "iteration.problems=200",
        "learner.iteration.batch_size=64",
        "evaluation={problems=20}",
        "promotion.max_problems=20",
    )
    assumptions = Assumptions()
    hardware = assumptions.hardware.model_copy(update={"select_s": 1.0})
    config = load_config("7b", None, [*small, *overrides])
    return Planned(config, gpu_kind("H100"), assumptions.model_copy(update={"hardware": hardware}), iterations=4)


def test_no_other_split_of_the_gpus_is_faster() -> None:
    plan = planned()
    chosen = choose_split(plan, 8)
    others = [split_of(plan, 8, 8 - ranks, ranks) for ranks in range(2, 8) if plan.fits_ranks(ranks)]

    assert chosen.used_gpus <= 8
    assert len(others) >= 3
    assert chosen.iteration_s <= 1.04 * min(other.iteration_s for other in others)


def test_gpus_that_would_only_be_idle_are_left_out() -> None:
    plan = planned()
    few, many = choose_split(plan, 64), choose_split(plan, 512)

    assert many.used_gpus < 256
    assert many.iteration_s == pytest.approx(few.iteration_s, rel=0.05)
    assert many.limited_by in ("training", "last rollouts")


def test_expensive_training_gets_more_ranks_than_expensive_sampling() -> None:
    training = choose_split(planned("selection.max_per_problem=64", "learner.iteration.epochs=3"), 8)
    sampling = choose_split(planned("selection.max_per_problem=1", "learner.iteration.epochs=1"), 8)

    assert training.ranks > sampling.ranks
    assert training.samplers < sampling.samplers


def test_ranks_that_do_not_fit_are_not_considered() -> None:
    plan = planned()

    assert not plan.fits_ranks(1)
    assert choose_split(plan, 8).ranks > 1
    with pytest.raises(NoSplitError, match="2 H100 do not hold a learner of Qwen"):
        choose_split(plan, 2)


def test_a_lead_is_faster_than_taking_turns() -> None:
    lead, turns = choose_split(planned("iteration.lead=1"), 8), choose_split(planned("iteration.lead=0"), 8)

    assert turns.limited_by == "taking turns"
    assert lead.iteration_s < 0.9 * turns.iteration_s


@pytest.mark.parametrize(
    ("samplers", "problems", "share", "length"),
    [(10, 200, 0.4, 1.0), (2, 600, 0.5, 0.213), (10, 2, 1.0, 1.0)],
    ids=["fewer samplers", "shorter iterations", "all of it"],
)
def test_a_part_behaves_as_the_whole_does(samplers: int, problems: int, share: float, length: float) -> None:
    learner = {"train_s": (problems / 2,)}
    case = make_case(samplers={"count": samplers}, problems=problems, lead=1, learner=learner, workload=Various())
    whole, part = simulate(case), simulate_slice(case, rounds=32)

    assert part.share == pytest.approx(share, abs=0.05)
    assert part.length == pytest.approx(length, abs=0.001)
    assert part.outcome.iteration_s / part.length == pytest.approx(whole.iteration_s, rel=0.04)
    assert part.outcome.tokens_per_s / part.share == pytest.approx(whole.tokens_per_s, rel=0.04)
    assert part.outcome.engine_utilization == pytest.approx(whole.engine_utilization, rel=0.04)


@pytest.mark.slow
def test_a_thousand_gpus_are_planned_within_a_minute_of_one_core() -> None:
    began_s = process_time()
    chosen = choose_split(Planned(load_config("7b", None, []), gpu_kind("H100"), Assumptions()), 1024)

    assert process_time() - began_s < 60
    assert chosen.limited_by == "training"
    assert chosen.used_gpus < 100
