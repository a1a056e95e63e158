"""A driver whose process can be killed between any two writes: the real loop, in a thread that runs only when told to.

Ray's actors are played: RLlib's group of samplers by one that answers at once, its group of learners by `LearnerPlay`.
Everything between them and the store is the product's own.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ray.rllib.utils.actor_manager import ResultOrError
from sqlalchemy.orm import Session

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.algorithm import SelfTraining
from cluster.loop.control import Operator, StopRequested
from cluster.loop.preparation.preparation import prepare
from cluster.loop.progress import NullProgress
from learner.directive import Directive, TrainingInterrupted
from learner.progress import StepFigures
from learner.publication import checksum, publication
from learner.publication.record import write_policy_record
from store.database.database import Database
from store.records import Policy, PolicyPointer
from store.store import Store

TURN_LIMIT_S = 60.0
STEPS = 2


class Killed(BaseException):
    """The process of the driver was killed."""


class MortalDatabase(Database):
    """A database whose process dies right before or right after one of its next writes.

    `moments_left` counts both moments of each write; None: it does not die.
    """

    moments_left: int | None = None

    @contextmanager
    def write(self) -> Iterator[Session]:  # type: ignore[override]
        self._live()
        with super().write() as session:
            yield session
        self._live()

    def _live(self) -> None:
        if self.moments_left is not None:
            self.moments_left -= 1
            if self.moments_left < 0:
                raise Killed


class GroupPlay:
    """RLlib's group of samplers, all of which answer at once. Each request for answers gives the turn to the test."""

    def __init__(self, names: list[str], held: Callable[[str], int], give_turn: Callable[[], None]) -> None:
        self._names = names
        self._held = held
        self._give_turn = give_turn
        self._worker_manager = self

    def foreach_env_runner_async(self, *_: Any, **__: Any) -> None:
        pass

    def fetch_ready_async_reqs(self, **_: Any) -> list[Any]:
        self._give_turn()
        return [
            SimpleNamespace(actor_id=number, get=ResultOrError(result=self._reply(name)).get)
            for number, name in enumerate(self._names)
        ]

    def _reply(self, name: str) -> dict[str, Any]:
        counts = {"held": self._held(name), "progress": 0, "train_tokens": 0, "fault_retries": {}}
        return {"name": name, "state": "sampling", "detail": None, "starts": 1, "ready": True, **counts}

    def actors(self) -> dict[int, Any]:
        return {}

    def healthy_env_runner_ids(self) -> list[int]:
        return list(range(len(self._names)))

    def num_healthy_remote_env_runners(self) -> int:
        return len(self._names)

    num_remote_env_runners = num_healthy_remote_env_runners


class LearnerPlay:
    """RLlib's group of learners, which trains in a few steps and polls at each.

    `trained` has the training set that each version was trained on, over all drivers; `published` the versions.
    """

    activity, warning, waits_for, is_alive = "trains", None, None, True
    last_step: StepFigures | None = None

    def __init__(self, policy: PolicyPointer, trained: dict[int, int], published: list[int]) -> None:
        self.policy = policy
        self.is_paused = False
        self._trained = trained
        self._published = published

    def ready(self, on_poll: Callable[[], None]) -> None:
        on_poll()

    def load_policy(self, policy: PolicyPointer, on_poll: Callable[[], None]) -> None:
        on_poll()
        self.policy = policy

    def train(
        self,
        training_set: int,
        _phase: str,
        version: int,
        on_progress: Callable[[int, int], None],
        directive: Callable[[], Directive],
        **_: Any,
    ) -> dict[str, float]:
        assert self._trained.setdefault(version, training_set) == training_set, f"version {version} is used twice"
        for step in range(STEPS):
            self.last_step = StepFigures(
                step + 1, loss=1.0, grad_norm=0.5, learning_rate=1e-4, loss_tokens=8, tokens=8.0, seconds=0.1
            )
            on_progress(step, STEPS)
            while directive() is Directive.PAUSE:
                self.is_paused = True
                on_progress(step, STEPS)
            self.is_paused = False
            if directive() is Directive.STOP:
                raise TrainingInterrupted(step, STEPS, is_saved=True)
        return {"loss": 1.0, "steps": STEPS}

    def publish(self, version: int, folder: Path, record: Policy, on_poll: Callable[[], None]) -> str:
        on_poll()
        with publication(folder) as aside:
            (aside / "weights").write_text(f"{version}")
            write_policy_record(aside, record)
        self._published.append(version)
        on_poll()
        self.policy = PolicyPointer(version, str(folder), checksum(folder))
        return checksum(folder)


class DriverPlay:
    """A driver process. `advance` runs it up to its next poll, or to its end: `finished`, `stopped` or `killed`."""

    def __init__(
        self,
        database: MortalDatabase,
        run: RunConfig,
        folder: RunFolder,
        group: Callable[[Callable[[], None]], GroupPlay],
        learner: Callable[[], LearnerPlay],
    ) -> None:
        self.end: str | None = None
        self._database = database
        self._loop = SelfTraining.__new__(SelfTraining)  # without the actors that its constructor starts
        self._loop.store, self._loop.run, self._loop.folder = Store(database), run, folder
        self._loop.operator = Operator()
        self._loop.env_runner_group = group(self._give_turn)
        self._loop.metrics = SimpleNamespace(log_value=lambda *_, **__: None)
        self._learner = learner
        self._error: BaseException | None = None
        self._is_abandoned = False
        self._its_turn, self._turn_given = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._drive, daemon=True)
        self._thread.start()

    def advance(self, moments_left: int | None = None) -> None:
        self._database.moments_left = moments_left
        self._its_turn.release()
        assert self._turn_given.acquire(timeout=TURN_LIMIT_S), "the driver neither polls nor ends"
        self._database.moments_left = None
        if self._error is not None:
            raise self._error

    def kill(self) -> None:
        """Kill it wherever it is."""
        if self.end is None:
            self._is_abandoned = True
            self.advance()
        self._thread.join(TURN_LIMIT_S)

    def describe(self) -> str:
        return f"{self._loop.position()}, {self._loop.operator.activity.text}"

    def _give_turn(self) -> None:
        self._turn_given.release()
        self._take_turn()

    def _take_turn(self) -> None:
        self._its_turn.acquire()
        if self._is_abandoned:
            raise Killed

    def _start(self) -> None:
        loop = self._loop
        prepare(loop.run, loop.folder, loop.store, NullProgress())
        loop.learner_group = self._learner()
        loop._wire()

    def _drive(self) -> None:
        try:
            self._take_turn()
            self._start()
            while not self._loop.position().is_finished:
                self._loop.training_step()
            self.end = "finished"
        except StopRequested:
            self.end = "stopped"
        except Killed:
            self.end = "killed"
        except BaseException as error:
            self.end, self._error = "failed", error
        finally:
            self._turn_given.release()
