"""Value models trained by the learner's ranks, as `automathes value train` does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from learner.directive import Directive, TrainingInterrupted
from learner.group import GangLearnerGroup
from learner.publication import is_complete
from learner.settings import LearnerSettings
from learner.value.settings import ValueJob, ValueSettings
from store.records import Policy, PolicyPointer, Problem, Rollout, Sampling, Split, rollout_id
from store.store import Store

from .conftest import SHORT

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("ray_session")]

SETTINGS = ValueSettings(validation_share=0.0, phase=SHORT)


@pytest.fixture
def selected(tmp_path: Path, base: Path, judged: Sequence[Rollout]) -> tuple[str, int]:
    """The URL of a store with a right and a wrong attempt at each of sixty problems, and the training set of them."""
    url, by_problem = f"sqlite:///{tmp_path}/store.db", {one.problem_id: [] for one in judged}
    for one in judged:
        by_problem[one.problem_id].append(one)
    with Store.open(url) as store:
        store.problems.add(Problem(name, name, "1", "test", Split.TRAIN, name) for name in by_problem)
        store.policies.add(Policy(0, None, str(base)))
        store.iterations.open(1, policy_version=0)
        store.iterations.schedule(1, problems=len(by_problem), samples=2, sampling=Sampling())
        for assignment in store.assignments.lease("test", 2 * len(by_problem), 60).assignments:
            attempts = by_problem[assignment.problem.id]
            store.rollouts.add(
                replace(attempts[sample], id=rollout_id(assignment.id, sample), assignment_id=assignment.id)
                for sample in range(2)
            )
        return url, store.values.begin(0, {}, SETTINGS.selection).training_set_id


@pytest.fixture
def group_of(selected: tuple[str, int], base: Path) -> Callable[..., GangLearnerGroup]:
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    def make(**learner: int) -> GangLearnerGroup:
        config = AlgorithmConfig()
        config.learner_job = ValueJob(
            settings=SETTINGS.learner(LearnerSettings(cpus_per_rank=0.5, threads=1, **learner)),
            store_url=selected[0],
            policy=PolicyPointer(version=0, path=str(base)),
            value=SETTINGS,
        )
        return GangLearnerGroup(config=config)

    return make


@pytest.mark.parametrize("num_ranks", [1, 2])
def test_ranks_train_and_publish_a_value_model(
    group_of: Callable[..., GangLearnerGroup], selected: tuple[str, int], tmp_path: Path, num_ranks: int
) -> None:
    group = group_of(num_ranks=num_ranks)
    try:
        metrics = group.train(selected[1], "iteration", 1)
        group.publish(1, tmp_path / "value")
    finally:
        group.shutdown()
    assert (metrics["sequences"], metrics["steps"]) == (120, SHORT.steps)
    assert is_complete(tmp_path / "value")


def slow_down(learner: Any) -> None:
    """Let every step of a rank take longer."""
    import time

    learner.engine._model.hf_model.base_model.register_forward_hook(lambda *_: time.sleep(0.1))


def test_a_training_that_is_stopped_continues_from_its_checkpoint(
    group_of: Callable[..., GangLearnerGroup], selected: tuple[str, int], tmp_path: Path
) -> None:
    group, steps = group_of(), []
    try:
        group.ready()
        group.foreach_learner(slow_down)  # else all steps lie between two polls
        with pytest.raises(TrainingInterrupted) as interruption:
            group.train(
                selected[1],
                "iteration",
                1,
                on_progress=lambda done, total: steps.append(done),
                directive=lambda: Directive.STOP if steps and steps[-1] else Directive.RUN,
                checkpoints=tmp_path / "training",
            )
        metrics = group.train(selected[1], "iteration", 1, checkpoints=tmp_path / "training")
    finally:
        group.shutdown()
    assert 0 < interruption.value.step < SHORT.steps
    assert metrics["steps"] == SHORT.steps
