"""The Algorithm as Tune runs it: prepared, trained and checkpointed without the command line."""

from pathlib import Path

import pytest

from cluster.config.loading import load_config
from store.records import Outcome, Purpose
from store.store import Store

SMALL = [
    "problems=[{kind='reasoning_gym', dataset='products', size=200, heldout_fraction=0.2, config={max_digits=1}}]",
    "teacher.count=40",
    "evaluation.problems=10",
    "iteration.count=1",
    "iteration.problems=10",
    "iteration.samples_per_problem=2",
    "sampler.engine.max_concurrent_rollouts=8",
    "learner.warm_start.steps=10",
    "learner.iteration.steps=5",
    "retention.keep=0",
    "ray.dashboard=false",
]


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
def test_tune_trains_the_warm_start_and_an_iteration(tmp_path: Path) -> None:
    from ray import tune

    from cluster.loop.algorithm import SelfTraining
    from cluster.loop.algorithm_config import SelfTrainingConfig

    config = load_config("demo", None, SMALL)
    folder = tmp_path / "trial"
    folder.mkdir()
    results = tune.Tuner(
        SelfTraining,
        param_space=SelfTrainingConfig(config, str(folder)),
        run_config=tune.RunConfig(
            stop={"training_iteration": 2},
            storage_path=str(tmp_path / "tune"),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=True),
            verbose=0,
        ),
    ).fit()

    assert not results.errors
    assert results[0].checkpoint is not None
    assert results[0].metrics is not None
    assert results[0].metrics["automathes"]["policy_version"] == 2
    with Store.open(f"sqlite:///{folder / 'store.db'}", create=False) as store:
        (iteration,) = [iteration for iteration in store.iterations.all() if iteration.closed_at]
        kept = {rollout.outcome for rollout in store.rollouts.iterate(purpose=Purpose.TRAIN)}
    assert iteration.number == 1
    assert sum(iteration.metrics["outcomes"].values()) == 20
    assert kept <= {Outcome.ACCEPTED}, "rejected rollouts were to be thinned"
