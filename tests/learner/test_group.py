import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from learner.engine import StateMismatchError
from learner.ranks.gang import LearnerGroupError, LearnerRankError, LearnerSilenceError
from learner.group import GangLearnerGroup
from learner.publication import AlreadyPublishedError
from learner.settings import LearnerJob, LearnerSettings, PhaseSettings
from store.records import PolicyPointer

pytestmark = pytest.mark.usefixtures("ray_session")

SETTINGS: dict[str, Any] = {
    "cpus_per_rank": 0.5,
    "threads": 1,
    "warm_start": PhaseSettings(steps=20),
    "iteration": PhaseSettings(steps=100_000),  # runs until it is interrupted
}


@pytest.fixture(scope="module")
def group_of(base: Path, training_set: tuple[str, int]) -> Iterator[Callable[..., GangLearnerGroup]]:
    """A factory of groups on the base; shuts them down afterwards."""
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    groups: list[GangLearnerGroup] = []

    def make(**settings: Any) -> GangLearnerGroup:
        config = AlgorithmConfig()
        config.learner_job = LearnerJob(
            settings=LearnerSettings(**(SETTINGS | settings)),
            store_url=training_set[0],
            policy=PolicyPointer(version=0, path=str(base)),
        )
        groups.append(GangLearnerGroup(config=config))
        return groups[-1]

    yield make
    for group in groups:
        group.shutdown()


@pytest.fixture(scope="module")
def alone(group_of: Callable[..., GangLearnerGroup]) -> GangLearnerGroup:
    """One rank, shared by the tests that leave it usable."""
    return group_of()


@pytest.fixture(scope="module")
def pair(group_of: Callable[..., GangLearnerGroup]) -> GangLearnerGroup:
    """Two ranks, shared in the same way."""
    return group_of(num_ranks=2)


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_two_ranks_train_the_same_policy_as_one(
    alone: GangLearnerGroup, pair: GangLearnerGroup, base: Path, training_set: tuple[str, int], tmp_path: Path
) -> None:
    metrics = []
    for group, name in ((alone, "alone"), (pair, "pair")):
        group.load_policy(PolicyPointer(version=0, path=str(base)))
        metrics.append(group.train(training_set[1], "warm_start", version=1))
        group.publish(1, tmp_path / name)
    assert metrics[0]["steps"] == metrics[1]["steps"] == 20
    assert metrics[0]["tokens"] == metrics[1]["tokens"]
    assert metrics[0]["loss"] == pytest.approx(metrics[1]["loss"], rel=1e-4)
    torch.testing.assert_close(weights_of(tmp_path / "alone"), weights_of(tmp_path / "pair"), rtol=0, atol=2e-3)


def test_the_state_for_samplers_points_to_the_published_policy(
    alone: GangLearnerGroup, training_set: tuple[str, int], tmp_path: Path
) -> None:
    alone.train(training_set[1], "warm_start", version=7)
    checksum = alone.publish(7, tmp_path / "v000007")
    state = alone.get_state(components="learner/rl_module", inference_only=True)["learner"]
    assert state == {"rl_module": {"path": str(tmp_path / "v000007"), "version": 7}, "weights_seq_no": 7}
    assert len(checksum) == 64


def test_an_error_that_all_ranks_survive_leaves_the_gang_usable(
    pair: GangLearnerGroup, training_set: tuple[str, int], tmp_path: Path
) -> None:
    pair.publish(2, tmp_path / "v000002")
    with pytest.raises(LearnerRankError, match="published already") as raised:
        pair.publish(2, tmp_path / "v000002")
    assert isinstance(raised.value.__cause__, AlreadyPublishedError)
    assert "File " not in str(raised.value)
    assert pair.health() == {0: True, 1: True}
    assert pair.train(training_set[1], "warm_start", version=3)["steps"] == 20


def test_an_unknown_phase_is_refused_by_all_ranks(pair: GangLearnerGroup, training_set: tuple[str, int]) -> None:
    with pytest.raises(LearnerRankError, match=r"File .*settings\.py") as raised:
        pair.train(training_set[1], "cool_down", version=3)
    assert "cool_down" in str(raised.value)
    assert pair.health() == {0: True, 1: True}


@pytest.mark.parametrize("which", ["alone", "pair"])
def test_a_checkpoint_restores_weights_and_policy(
    request: pytest.FixtureRequest, which: str, training_set: tuple[str, int], tmp_path: Path
) -> None:
    group: GangLearnerGroup = request.getfixturevalue(which)
    group.train(training_set[1], "warm_start", version=4)
    group.publish(4, tmp_path / "v000004")
    for _ in range(2):  # a second save replaces the first
        group.save_to_path(tmp_path / "checkpoint")
    group.train(training_set[1], "warm_start", version=5)
    group.publish(5, tmp_path / "v000005")
    group.restore_from_path(tmp_path / "checkpoint")
    assert group.policy.version == 4
    group.publish(6, tmp_path / "v000006")
    before, after = weights_of(tmp_path / "v000004"), weights_of(tmp_path / "v000006")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert len(list((tmp_path / "checkpoint").iterdir())) == 2


def test_a_checkpoint_of_two_ranks_is_restored_on_one_rank_from_its_policy(
    alone: GangLearnerGroup, pair: GangLearnerGroup, training_set: tuple[str, int], tmp_path: Path
) -> None:
    pair.train(training_set[1], "warm_start", version=8)
    pair.publish(8, tmp_path / "v000008")
    pair.save_to_path(tmp_path / "checkpoint")
    alone.restore_from_path(tmp_path / "checkpoint")
    alone.publish(9, tmp_path / "v000009")
    before, after = weights_of(tmp_path / "v000008"), weights_of(tmp_path / "v000009")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_without_a_checkpoint_is_refused(alone: GangLearnerGroup, tmp_path: Path) -> None:
    with pytest.raises(StateMismatchError, match="holds no saved learner"):
        alone.restore_from_path(tmp_path)


def test_a_policy_that_cannot_be_loaded_raises_the_reason(alone: GangLearnerGroup, tmp_path: Path) -> None:
    with pytest.raises(LearnerRankError, match="no such folder"):
        alone.load_policy(PolicyPointer(version=1, path=str(tmp_path / "nowhere")))
    assert alone.health() == {0: True}


# The tests below end the shared ranks, so they come last.


def test_a_call_that_exceeds_its_time_limit_ends_the_ranks(
    alone: GangLearnerGroup, training_set: tuple[str, int]
) -> None:
    alone.job.settings.update_timeout_s = 2
    with pytest.raises(LearnerTimeoutError, match=r"rank 0 did not finish 'update' within 2 s"):
        alone.train(training_set[1], "iteration", version=20)
    assert alone.health() == {0: False}
    with pytest.raises(LearnerGroupError, match=r"call rebuild\(\) first"):
        alone.save_state("nowhere")


def test_a_rank_killed_in_training_raises_at_once_and_the_gang_can_be_rebuilt(
    pair: GangLearnerGroup, training_set: tuple[str, int], tmp_path: Path
) -> None:
    pair.train(training_set[1], "warm_start", version=21)
    pair.publish(21, tmp_path / "v000021")
    pair.save_to_path(tmp_path / "unfinished")
    (tmp_path / "unfinished").rename(tmp_path / "checkpoint")  # as a run does once its checkpoint is complete
    killed = threading.Event()

    def kill_during_training(done: int, total: int) -> None:
        if 0 < done < total and not killed.is_set():
            assert pair.health() == {0: True, 1: True}, "ranks answer while they train"
            os.kill(pair.pids()[1], signal.SIGKILL)
            killed.set()

    with pytest.raises(LearnerRankError, match="learner rank 1 died in 'update'") as raised:
        pair.train(training_set[1], "iteration", version=22, on_progress=kill_during_training)
    assert raised.value.rank == 1

    pair.rebuild()
    pair.publish(23, tmp_path / "v000023")
    before, after = weights_of(tmp_path / "v000021"), weights_of(tmp_path / "v000023")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert pair.train(training_set[1], "warm_start", version=24)["steps"] == 20


def test_an_error_of_a_rank_survives_its_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(LearnerRankError("learner rank 1 died in 'update'", rank=1)))
    assert (str(error), error.rank) == ("learner rank 1 died in 'update'", 1)
