"""A driver whose process can be killed between any two writes: the real loop, in a thread that runs only when told to.

Ray, the engines and the ranks are played; RLlib's group of samplers is replaced by one that answers at once, and the
learner by `LearnerPlay`. Everything between them and the store is the product's own.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ray.rllib.utils.actor_manager import ResultOrError
from sqlalchemy.orm import Session

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.algorithm import SelfTraining
from cluster.loop.control import Control, Operator, StopRequested
from cluster.loop.duties import Duties
from cluster.loop.iteration.closing import Closer
from cluster.loop.iteration.context import LoopContext, Phases
from cluster.loop.iteration.measuring import Measurer
from cluster.loop.iteration.speed import SpeedMeter
from cluster.loop.supervision.fleet import Fleet
from learner.directive import Directive, TrainingInterrupted
from store.database.database import Database
from store.records import Policy
from store.store import Store

TURN_LIMIT_S = 60.0


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

    def __init__(self, names: list[str], held: Any, give_turn: Any) -> None:
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

    def healthy_env_runner_ids(self) -> list[int]:
        return list(range(len(self._names)))

    def num_healthy_remote_env_runners(self) -> int:
        return len(self._names)

    num_remote_env_runners = num_healthy_remote_env_runners


class LearnerPlay:
    """Publishes a policy in the writes that the learner makes, with a few steps in between, at each of which it polls.

    `used` is the versions that trainings began with, over all drivers.
    """

    def __init__(self, store: Store, run: RunConfig, duties: Duties, used: list[int]) -> None:
        self._store = store
        self._run = run
        self._duties = duties
        self._used = used

    def publish_next(self, iteration: int) -> None:
        self._require_quorum(iteration)
        parent, version = self._store.policies.require_latest(), self._store.policies.next_version()
        assert version not in self._used, f"version {version} is used twice"
        self._used.append(version)
        training_set = self._store.training_sets.select(version, self._run.selection, iteration)
        for step in range(2):
            self._duties.tend(0.0, is_learning=True)
            if self._duties.directive is Directive.STOP:
                raise TrainingInterrupted(step, 2, is_saved=False)
        self._store.policies.add(Policy(version, parent.version, f"v{version}", training_set, iteration=iteration))

    def _require_quorum(self, iteration: int) -> None:
        done, scheduled = self._store.iterations.progress(iteration)
        assert done >= self._run.iteration.required_quorum * scheduled
        assert scheduled or iteration == 0 or self._run.mode == "demonstrations_only"


class DriverPlay:
    """A driver process. `advance` runs it up to its next poll, or to its end: `finished`, `stopped` or `killed`."""

    def __init__(self, database: MortalDatabase, run: RunConfig, folder: RunFolder, group: Any, used: list[int]) -> None:
        self.end: str | None = None
        self._database = database
        self._loop = _wire(Store(database), run, folder, group(self._give_turn), used)
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

    def _give_turn(self) -> None:
        self._turn_given.release()
        self._take_turn()

    def _take_turn(self) -> None:
        self._its_turn.acquire()
        if self._is_abandoned:
            raise Killed

    def _drive(self) -> None:
        try:
            self._take_turn()
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


def _wire(store: Store, run: RunConfig, folder: RunFolder, group: GroupPlay, used: list[int]) -> SelfTraining:
    """The loop on top of the played parts, as `SelfTraining` builds it on top of RLlib's."""
    operator = Operator()
    fleet = Fleet(group, run.ray, notify=operator.progress.note)  # type: ignore[arg-type]
    phases, meter = Phases(operator), SpeedMeter()
    context = LoopContext(run, folder, store, fleet, operator, phases, Control(store.run, operator))
    measurer = Measurer(context)
    closer = Closer(context, measurer, meter, log_value=lambda *_: None)
    loop = SelfTraining.__new__(SelfTraining)  # without the actors that its constructor starts
    loop.store, loop.run, loop.duties = store, run, Duties(context, measurer, closer, meter)
    loop._trainer = LearnerPlay(store, run, loop.duties, used)  # type: ignore[assignment]
    return loop
