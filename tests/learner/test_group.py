import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from learner.checkpoints.folder import complete_checkpoints
from learner.directive import Directive, TrainingInterrupted
from learner.engine import StateMismatchError
from learner.group import GangLearnerGroup
from learner.publication import AlreadyPublishedError
from learner.ranks.gang import LearnerGroupError, LearnerRankError, LearnerSilenceError
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


def slow_down(seconds: float) -> Callable[[Any], None]:
    """A call for the ranks: every forward pass takes so much longer."""

    def hook(learner: Any) -> None:  # made here, so that it travels to the ranks by value
        import time

        model = learner.engine._model.hf_model
        for one in model.__dict__.pop("_slowing", []):
            one.remove()
        model.__dict__["_slowing"] = [model.register_forward_hook(lambda *_: time.sleep(seconds))]

    return hook


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
    module = {"path": str(tmp_path / "v000007"), "version": 7, "checksum": checksum}
    assert state == {"rl_module": module, "weights_seq_no": 7}
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


def test_an_unknown_phase_is_refused_before_anything_is_trained(
    pair: GangLearnerGroup, training_set: tuple[str, int]
) -> None:
    with pytest.raises(ValueError, match="cool_down"):
        pair.train(training_set[1], "cool_down", version=3)
    assert pair.health() == {0: True, 1: True}


@pytest.mark.parametrize("which", ["alone", "pair"])
def test_rllibs_checkpoint_is_a_small_pointer_to_the_policy(
    request: pytest.FixtureRequest, which: str, training_set: tuple[str, int], tmp_path: Path
) -> None:
    group: GangLearnerGroup = request.getfixturevalue(which)
    group.train(training_set[1], "warm_start", version=4)
    group.publish(4, tmp_path / "v000004")
    group.save_to_path(tmp_path / "checkpoint")
    group.train(training_set[1], "warm_start", version=5)
    group.publish(5, tmp_path / "v000005")
    group.restore_from_path(tmp_path / "checkpoint")
    assert group.policy.version == 4
    group.publish(6, tmp_path / "v000006")
    before, after = weights_of(tmp_path / "v000004"), weights_of(tmp_path / "v000006")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert [path.stat().st_size < 1000 for path in (tmp_path / "checkpoint").rglob("*")] == [True]


def test_a_stop_is_followed_at_a_steps_end_and_the_training_continues_from_there(
    pair: GangLearnerGroup, base: Path, training_set: tuple[str, int], tmp_path: Path
) -> None:
    pair.load_policy(PolicyPointer(version=0, path=str(base)))
    pair.train(training_set[1], "warm_start", version=8)
    pair.publish(8, tmp_path / "undisturbed")
    pair.load_policy(PolicyPointer(version=0, path=str(base)))
    steps: list[int] = []
    pair.foreach_learner(slow_down(0.2))
    with pytest.raises(TrainingInterrupted) as interruption:
        pair.train(
            training_set[1],
            "warm_start",
            version=8,
            on_progress=lambda done, total: steps.append(done),
            directive=lambda: Directive.STOP if steps and steps[-1] >= 3 else Directive.RUN,
            checkpoints=tmp_path / "training",
        )
    assert 3 <= interruption.value.step < 20
    pair.foreach_learner(slow_down(0.0))
    steps.clear()
    pair.train(
        training_set[1], "warm_start", 8, on_progress=lambda done, _: steps.append(done),
        checkpoints=tmp_path / "training",
    )  # fmt: skip
    pair.publish(8, tmp_path / "resumed")
    before, after = weights_of(tmp_path / "undisturbed"), weights_of(tmp_path / "resumed")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_damaged_checkpoint_is_passed_over(
    alone: GangLearnerGroup, base: Path, training_set: tuple[str, int], tmp_path: Path
) -> None:
    alone.load_policy(PolicyPointer(version=0, path=str(base)))
    alone.train(training_set[1], "warm_start", version=8)
    alone.publish(8, tmp_path / "undisturbed")
    alone.load_policy(PolicyPointer(version=0, path=str(base)))
    with pytest.raises(TrainingInterrupted):
        alone.train(
            training_set[1], "warm_start", 8, directive=lambda: Directive.STOP, checkpoints=tmp_path / "training"
        )
    for shard in (tmp_path / "training").rglob("*model_states.pt"):
        shard.write_bytes(bytes(shard.stat().st_size))
    assert alone.train(training_set[1], "warm_start", 8, checkpoints=tmp_path / "training")["steps"] == 20
    alone.publish(8, tmp_path / "resumed")
    before, after = weights_of(tmp_path / "undisturbed"), weights_of(tmp_path / "resumed")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_without_a_checkpoint_is_refused(alone: GangLearnerGroup, tmp_path: Path) -> None:
    with pytest.raises(StateMismatchError, match="holds no saved learner"):
        alone.restore_from_path(tmp_path)


def test_a_policy_that_cannot_be_loaded_raises_the_reason(alone: GangLearnerGroup, tmp_path: Path) -> None:
    with pytest.raises(LearnerRankError, match="no such folder"):
        alone.load_policy(PolicyPointer(version=1, path=str(tmp_path / "nowhere")))
    assert alone.health() == {0: True}


# The tests below end the shared ranks, so they come last.


def limit_silence(group: GangLearnerGroup, seconds: float) -> None:
    """Limit the silence of ranks that are built."""
    group.ready()
    group._gang.limits = replace(group._gang.limits, work_s=seconds)


def test_a_training_of_30_virtual_minutes_is_not_silent(
    group_of: Callable[..., GangLearnerGroup], training_set: tuple[str, int]
) -> None:
    """Three seconds stand for 300: the limit on silence is the default one, and each step takes a minute."""
    group = group_of(warm_start=PhaseSettings(steps=30))
    limit_silence(group, 3.0)
    group.foreach_learner(slow_down(0.6))
    assert group.train(training_set[1], "warm_start", version=1)["seconds"] > 18.0
    group.shutdown()


def test_a_rank_that_stops_stepping_is_found_and_named(
    group_of: Callable[..., GangLearnerGroup], training_set: tuple[str, int]
) -> None:
    group = group_of(num_ranks=2)
    limit_silence(group, 5.0)
    stopped: list[float] = []

    def stop_a_rank(done: int, total: int) -> None:
        if 0 < done < total and not stopped:
            os.kill(group.pids()[1], signal.SIGSTOP)
            stopped.append(time.monotonic())

    with pytest.raises(LearnerSilenceError, match=r"rank 1 does not answer for \d+ s; last, it trains, with \d+"):
        group.train(training_set[1], "iteration", version=20, on_progress=stop_a_rank)
    assert time.monotonic() - stopped[0] < 4 * 5.0
    assert group.health() == {0: False, 1: False}
    with pytest.raises(LearnerGroupError, match=r"call rebuild\(\) first"):
        group.publish(20, "nowhere")


@pytest.mark.parametrize(
    ("num_ranks", "zero_stage"),
    [(2, 0), (2, 3), pytest.param(1, 0, marks=pytest.mark.slow), pytest.param(2, 2, marks=pytest.mark.slow)],
)
def test_a_training_whose_rank_was_killed_ends_as_an_undisturbed_one(
    group_of: Callable[..., GangLearnerGroup],
    base: Path,
    training_set: tuple[str, int],
    tmp_path: Path,
    num_ranks: int,
    zero_stage: int,
) -> None:
    group = group_of(
        num_ranks=num_ranks, zero_stage=zero_stage, warm_start=PhaseSettings(steps=60), checkpoint_every_s=0.5
    )
    expected = group.train(training_set[1], "warm_start", version=1)
    group.publish(1, tmp_path / "undisturbed")
    group.load_policy(PolicyPointer(version=0, path=str(base)))
    group.foreach_learner(slow_down(0.1))
    training = tmp_path / "training"
    killed = threading.Event()

    def kill_a_rank(done: int, total: int) -> None:
        if complete_checkpoints(training) and not killed.is_set():
            os.kill(group.pids()[-1], signal.SIGKILL)
            killed.set()

    with pytest.raises(LearnerRankError, match=f"learner rank {num_ranks - 1} died in 'update'"):
        group.train(training_set[1], "warm_start", version=1, on_progress=kill_a_rank, checkpoints=training)
    group.rebuild()
    metrics = group.train(training_set[1], "warm_start", version=1, checkpoints=training)
    group.publish(1, tmp_path / "resumed")
    group.shutdown()
    for name in ("loss", "first_loss", "final_loss", "grad_norm", "steps", "tokens"):
        assert metrics[name] == expected[name]
    before, after = weights_of(tmp_path / "undisturbed"), weights_of(tmp_path / "resumed")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_rank_killed_without_a_checkpoint_leaves_the_published_policy(
    pair: GangLearnerGroup, training_set: tuple[str, int], tmp_path: Path
) -> None:
    pair.train(training_set[1], "warm_start", version=21)
    pair.publish(21, tmp_path / "v000021")
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
