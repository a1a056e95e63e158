"""What a run measured is read as it was, and predicts the run that it was measured in."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from cluster.simulation.inputs.measured import Measured, TooLittleMeasuredError, read_measured
from cluster.simulation.simulate import simulate

from .made_run import BLOCK_S, LEARN_S, PLACES, PUBLISH_S, ROLLOUT_S, SAMPLE_S, TURNS, made_config, make_run

ITERATION_S = SAMPLE_S + LEARN_S + PUBLISH_S


def read(root: Path, iterations: int = 4) -> Measured:
    folder = make_run(root, iterations)
    with folder.open_store(folder.read_config()) as store:
        return read_measured(store, folder.read_config())


def test_figures_are_those_of_the_run(tmp_path: Path) -> None:
    figures = read(tmp_path).figures

    assert figures.iteration_s == pytest.approx(ITERATION_S)
    assert figures.tokens_per_s == pytest.approx(PLACES * sum(TURNS) * SAMPLE_S / ROLLOUT_S / ITERATION_S)
    assert figures.engine_utilization == pytest.approx(SAMPLE_S / ITERATION_S * (1 - BLOCK_S / ROLLOUT_S), rel=0.01)
    assert figures.learner_utilization == pytest.approx((LEARN_S + PUBLISH_S) / ITERATION_S)


def test_rollouts_have_their_turns_outputs_and_blocks(tmp_path: Path) -> None:
    shape = read(tmp_path).workload.draw(Random(0))

    assert (shape.turns, shape.output_tokens, shape.block_s) == (TURNS, (5,), (BLOCK_S,))


def test_the_run_is_predicted_from_what_it_measured(tmp_path: Path) -> None:
    measured = read(tmp_path)
    outcome, figures = simulate(measured.case(made_config())), measured.figures

    assert outcome.iteration_s == pytest.approx(figures.iteration_s, rel=0.05)
    assert outcome.tokens_per_s == pytest.approx(figures.tokens_per_s, rel=0.05)
    assert outcome.engine_utilization == pytest.approx(figures.engine_utilization, rel=0.05)
    assert outcome.learner_utilization == pytest.approx(figures.learner_utilization, rel=0.05)


def test_other_settings_are_predicted_from_it(tmp_path: Path) -> None:
    measured, config = read(tmp_path), made_config()

    def iteration_s(samplers: int, lead: int) -> float:
        iteration = config.iteration.model_copy(update={"lead": lead, "quorum": 1.0})
        case = measured.case(config.model_copy(update={"iteration": iteration}), samplers, iterations=8)
        return simulate(replace(case, host_cores=None)).iteration_s

    assert iteration_s(samplers=2, lead=0) == pytest.approx(SAMPLE_S / 2 + LEARN_S + PUBLISH_S, rel=0.05)
    assert iteration_s(samplers=1, lead=1) == pytest.approx(max(SAMPLE_S, LEARN_S + PUBLISH_S), rel=0.05)
    assert iteration_s(samplers=10, lead=1) == pytest.approx(max(ROLLOUT_S, LEARN_S + PUBLISH_S), rel=0.1)


def test_a_training_beside_which_nothing_is_sampled_any_more_does_not_count(tmp_path: Path) -> None:
    measured = read(tmp_path)
    ahead = measured.config.iteration.model_copy(update={"lead": 1, "quorum": 1.0})
    config = measured.config.model_copy(update={"iteration": ahead})
    *others, last = measured.iterations
    measured = replace(measured, config=config, iterations=[*others, replace(last, learn_s=LEARN_S / 2)])

    train_s = measured.case(config).learner.train_s

    assert len(train_s) == len(others) - 1
    assert len(set(train_s)) == 1


def test_a_run_without_two_iterations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TooLittleMeasuredError, match="the run has 1 reported iterations: a simulation needs two"):
        read(tmp_path, iterations=1)


def test_a_run_whose_rollouts_were_pruned_is_refused(tmp_path: Path) -> None:
    folder = make_run(tmp_path)
    with folder.open_store(folder.read_config()) as store:
        store.rollouts.prune()
        with pytest.raises(TooLittleMeasuredError, match="of 320 rollouts are in the store"):
            read_measured(store, folder.read_config())
