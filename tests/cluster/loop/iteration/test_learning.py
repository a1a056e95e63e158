"""Training and publishing the policies of a run, on a real learner of one rank, through what may happen meanwhile."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from cluster.loop.control import Operator, StopRequested
from cluster.loop.iteration import learning
from cluster.loop.iteration.context import LoopContext, Phases
from cluster.loop.iteration.learning import PolicyTrainer
from cluster.loop.preparation.preparation import prepare
from cluster.loop.progress import NullProgress
from cluster.loop.tracking.tracking import Tracking
from learner.bases import make_base
from learner.checkpoints.folder import complete_checkpoints, training_folder
from learner.directive import Directive
from learner.group import GangLearnerGroup
from learner.publication import is_complete
from learner.ranks.gang import LearnerGroupError
from learner.settings import LearnerJob
from store.artifacts.cache import Cache
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Split
from store.store import Store

from ....s3_server import S3Server
from ..tracking.reading import read_tensorboard

pytestmark = pytest.mark.usefixtures("ray_session")

OVERRIDES = [
    "base={kind='tiny_llama', vocabulary_size=300, hidden_size=32, num_layers=2, intermediate_size=64, num_heads=2, "
    "num_kv_heads=1, head_size=16}",
    "learner.warm_start.steps=20",
    "learner.iteration.steps=20",
    "learner.threads=1",
    "learner.checkpoint_every_s=0.5",
]


class Recorded(NullProgress):
    """The notes and phases of a run. `on_note` and `on_step` may intervene."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.phases: list[str] = []
        self.steps: list[int] = []
        self.on_note: Callable[[str], None] = lambda text: None
        self.on_step: Callable[[int], None] = lambda step: None

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        self.phases.append(name)
        yield

    def note(self, text: str) -> None:
        self.notes.append(text)
        self.on_note(text)

    def advance(self, done: int, total: int, detail: str = "") -> None:
        self.steps.append(done)
        self.on_step(done)


class Run:
    """A run with a learner of one rank and demonstrations to train on, without samplers."""

    def __init__(self, path: Path, *overrides: str) -> None:
        from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

        self.config = load_config("demo", None, [*OVERRIDES, *overrides])
        self.folder = RunFolder(path, self.config.storage)
        path.mkdir(exist_ok=True)
        self.store = Store.open(self.folder.store_url(self.config))
        if self.store.policies.latest() is None:
            self._fill()
        algorithm = AlgorithmConfig()
        algorithm.learner_job = LearnerJob(
            settings=self.config.learner,
            store_url=self.folder.store_url(self.config),
            policy=self.store.policies.require_latest().pointer,
            storage=self.config.storage,
        )
        self.learner = GangLearnerGroup(config=algorithm)
        self.progress = Recorded()
        self.directive = Directive.RUN
        self.polls = 0
        operator = Operator(progress=self.progress)
        self.tracking = Tracking(self.config, self.folder, self.store, self.progress.note)
        none = cast(Any, None)  # a trainer uses neither samplers nor their control
        context = LoopContext(
            run=self.config, folder=self.folder, store=self.store, fleet=none, operator=operator,
            phases=Phases(operator), control=none,
            tracking=self.tracking,
        )  # fmt: skip
        self.trainer = PolicyTrainer(context, self.learner, on_poll=self._count, directive=lambda: self.directive)

    def slow_down(self, seconds: float) -> None:
        """Let every step take so much longer."""

        def hook(learner: Any) -> None:
            import time

            learner.engine._model.hf_model.register_forward_hook(lambda *_: time.sleep(seconds))

        self.learner.foreach_learner(hook)

    def stop_at(self, step: int) -> None:
        def stop(done: int) -> None:
            if done >= step:
                self.directive = Directive.STOP

        self.progress.on_step = stop

    def close(self) -> None:
        self.learner.shutdown()
        self.tracking.close()
        self.store.close()

    def _count(self) -> None:
        self.polls += 1

    def _fill(self) -> None:
        base = self.folder.policy(0)
        make_base(self.config.base, base, ["What is 1 + 2? print(1 + 2)"], self.config.storage)
        self.store.problems.add(Problem(f"p{n}", f"What is {n}?", "1", "test", Split.TRAIN, f"p{n}") for n in range(40))
        self.store.rollouts.add(
            Rollout(
                f"demo-{n}", f"p{n}", Purpose.DEMONSTRATION, Outcome.ACCEPTED, "tir", (5, 6, 7 + n), (8, 9 + n, 30),
                (True, True, True),
            )
            for n in range(40)
        )  # fmt: skip
        self.store.policies.add(Policy(0, None, str(base)))


def adam_steps() -> Callable[[Any], int]:
    """A call for a rank: the steps that its optimizer has behind it."""
    return lambda learner: int(next(iter(learner.engine._model._adam.state.values()))["step"])


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """A factory of runs in the same folder, one after the other."""
    runs: list[Run] = []

    def make(*overrides: str, path: Path = tmp_path / "run") -> Run:
        runs.append(Run(path, *overrides))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, ray_session: None) -> Iterator[Run]:
    """A run that has trained its warm start and one iteration. Its learner has ended."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run", "tracking.to=['tensorboard']")
    run.slow_down(0.1)  # else most steps lie between two polls
    published = [run.trainer.publish_next(number) for number in range(2)]
    assert run.store.policies.all()[1:] == published
    run.learner.shutdown()
    run.tracking.close()
    yield run
    run.store.close()


def weights(policy: Policy) -> bytes:
    return (Path(policy.path) / "model.safetensors").read_bytes()


def test_a_warm_start_and_an_iteration_are_published_with_their_description(undisturbed: Run) -> None:
    policies = undisturbed.store.policies.all()[1:]
    assert [(policy.version, policy.parent, policy.iteration) for policy in policies] == [(1, 0, 0), (2, 1, 1)]
    assert [policy.config["phase"] for policy in policies] == ["warm_start", "iteration"]
    for policy in policies:
        assert is_complete(Path(policy.path))
        described = json.loads((Path(policy.path) / "policy.json").read_text())
        assert described["training_set_id"] == policy.training_set_id
        assert described["metrics"]["loss"] == policy.metrics["loss"]
    assert undisturbed.progress.phases == ["learn", "publish"] * 2
    assert undisturbed.polls > 0
    assert not list(undisturbed.folder.checkpoints.glob("training-*")), "nothing of a published training stays"


def test_the_steps_of_trainings_go_to_trackers_one_training_after_the_other(undisturbed: Run) -> None:
    policies = undisturbed.store.policies.all()[1:]
    series = read_tensorboard(undisturbed.folder.path / "tensorboard")
    of_trainings = [[step for step, of in series["training/iteration"] if of == number] for number in (0, 1)]
    assert 1 <= min(of_trainings[0]) < max(of_trainings[0]) <= policies[0].metrics["steps"] < min(of_trainings[1])
    low, high = sorted((policies[0].metrics["first_loss"], policies[1].metrics["final_loss"]))
    assert low / 2 < series["training/loss"][0][1] < 2 * high


def test_a_publication_that_fails_twice_works_without_training_again(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_FIRST_PAUSE_S", 0.5)
    run = make_run("learner.checkpoint_every_s=3600")
    run.learner.ready()
    away = run.folder.path / "away"
    run.folder.policies.rename(away)
    run.folder.policies.write_text("the folder for policies is away")
    waits: list[str | None] = []

    def bring_back(text: str) -> None:
        waits.append(run.trainer.waits_for)
        if len(waits) == 2:
            run.folder.policies.unlink()
            away.rename(run.folder.policies)

    run.progress.on_note = bring_back
    policy = run.trainer.publish_next(0)
    assert is_complete(Path(policy.path))
    assert run.progress.phases == ["learn", "publish"]
    assert len(run.progress.notes) == 2
    assert all("policy 1 could not be published, its weights are kept: " in (wait or "") for wait in waits)
    assert "the next attempt is in 1 s" in run.progress.notes[1]
    assert run.trainer.waits_for is None


def test_a_stop_is_heard_while_a_publication_waits(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.learner.ready()
    shutil.move(run.folder.policies, run.folder.path / "away")
    run.folder.policies.write_text("away")
    stopped_at: list[float] = []

    def stop(text: str) -> None:
        run.directive = Directive.STOP
        stopped_at.append(time.monotonic())

    run.progress.on_note = stop
    with pytest.raises(StopRequested):
        run.trainer.publish_next(0)
    assert time.monotonic() - stopped_at[0] < 3.0


@pytest.mark.slow
def test_a_stopped_training_continues_after_the_runs_folder_was_moved(
    make_run: Callable[..., Run], undisturbed: Run, tmp_path: Path
) -> None:
    expected = undisturbed.store.policies.get(1)
    first = make_run()
    first.slow_down(0.1)
    first.stop_at(4)
    with pytest.raises(StopRequested):
        first.trainer.publish_next(0)
    assert "a checkpoint holds them" in first.progress.notes[-1]
    first.close()
    first.folder.path.rename(tmp_path / "moved")

    second = make_run(path=tmp_path / "moved")
    prepare(second.config, second.folder, second.store, second.progress)
    assert second.store.policies.require_latest().version == 0
    second.slow_down(0.1)  # the steps that are left would all fit between two polls
    policy = second.trainer.publish_next(0)
    assert (policy.version, policy.training_set_id) == (1, 1)
    assert Path(policy.path).is_relative_to(tmp_path / "moved")
    assert min(second.progress.steps) >= 4
    assert weights(policy) == weights(expected)
    assert policy.metrics["loss"] == expected.metrics["loss"]


def test_a_killed_rank_is_replaced_and_the_training_continues(make_run: Callable[..., Run]) -> None:
    run = make_run()
    run.slow_down(0.1)
    killed: list[int] = []

    def kill(done: int) -> None:
        if not killed and complete_checkpoints(training_folder(run.folder.checkpoints, 1)):
            killed.append(done)
            os.kill(run.learner.pids()[0], signal.SIGKILL)

    run.progress.on_step = kill
    policy = run.trainer.publish_next(0)
    assert policy.metrics["steps"] == 20
    assert "learner rank 0 died in 'update'" in run.progress.notes[0]
    assert len(run.store.policies.all()) == 2


@pytest.mark.slow
def test_ranks_that_fail_again_and_again_without_a_step_end_the_run(make_run: Callable[..., Run]) -> None:
    run = make_run("learner.max_rebuilds=1")
    shutil.rmtree(run.folder.policy(0))
    with pytest.raises(LearnerGroupError, match="no such folder"):
        run.trainer.publish_next(0)
    assert len(run.progress.notes) == 1


def test_a_policy_whose_driver_was_killed_before_it_recorded_it_is_adopted(
    make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()

    def killed(policy: Policy) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(run.store.policies, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            run.trainer.publish_next(0)
    assert run.store.policies.require_latest().version == 0
    prepare(run.config, run.folder, run.store, run.progress)
    adopted = run.store.policies.require_latest()
    assert (adopted.version, adopted.iteration) == (1, 0)
    assert run.progress.notes == ["policy 1 was published before the run was interrupted; it is used as it is"]
    assert run.trainer.publish_next(1).parent == 1


@pytest.mark.slow
def test_the_optimizer_is_kept_between_iterations_only_where_it_is_used(make_run: Callable[..., Run]) -> None:
    run = make_run("learner.iteration.optimizer_state=keep", "learner.checkpoint_every_s=3600")
    run.trainer.publish_next(0)
    run.trainer.publish_next(1)
    (kept,) = run.folder.checkpoints.glob("training-*/step-*")
    assert kept == training_folder(run.folder.checkpoints, 2) / "step-000000020"
    run.learner.rebuild()  # as after the death of a rank: with the optimizer that was kept
    (steps,) = run.learner.foreach_learner(adam_steps())
    assert steps.get() == 40


# ---------------------------------------------------------------- under a URL


def remote(url: str, path: Path) -> list[str]:
    """Overrides of a run whose policies and checkpoints are under a URL, and the copies of this machine in a folder."""
    return [f"storage.url={url}", f"storage.cache={path}", "storage.silence_s=5"]


@pytest.mark.slow
def test_a_server_that_is_away_for_a_while_costs_time_and_not_the_training(
    make_run: Callable[..., Run], s3: S3Server, s3_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "_FIRST_PAUSE_S", 1.0)
    run = make_run(*remote(s3_url, tmp_path / "cache"), "learner.checkpoint_every_s=3600")
    run.learner.ready()
    run.slow_down(0.1)
    away: list[threading.Timer] = []

    def take_away(done: int) -> None:
        if done >= 1 and not away:
            s3.stop()
            away.append(threading.Timer(25.0, s3.start))
            away[0].start()

    run.progress.on_step = take_away
    policy = run.trainer.publish_next(0)
    assert policy.path == f"{s3_url}/run/policies/v000001"
    assert is_complete(policy.path)
    assert run.progress.phases == ["learn", "publish"], "it is trained once"
    assert any("policy 1 could not be published, its weights are kept: " in note for note in run.progress.notes)
    away[0].join()


def test_a_stopped_training_continues_on_another_machine(
    make_run: Callable[..., Run], undisturbed: Run, s3_url: str, tmp_path: Path
) -> None:
    expected = undisturbed.store.policies.get(1)
    first = make_run(*remote(s3_url, tmp_path / "first"))
    first.slow_down(0.1)
    first.stop_at(4)
    with pytest.raises(StopRequested):
        first.trainer.publish_next(0)
    training = training_folder(first.folder.trainings, 1)
    assert len(complete_checkpoints(training)) >= 1
    first.close()

    second = make_run(*remote(s3_url, tmp_path / "second"))
    policy = second.trainer.publish_next(0)
    with Cache(second.config.storage).held(policy.path, policy.checksum) as folder:
        assert (folder / "model.safetensors").read_bytes() == weights(expected)
    assert complete_checkpoints(training) == [], "nothing of a published training stays"
