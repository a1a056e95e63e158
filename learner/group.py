"""The ranks of the learner as one gang: every call goes to all of them, and the first failure is raised at once.

RLlib's own LearnerGroup waits for the other ranks when one has died, drops partial results in silence and saves from
one rank. Ranks that work together cannot be treated so; hence every wait here has a limit, a dead or hanging rank takes
the gang down loudly, and `rebuild` brings it back where it was.
"""

import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.utils.actor_manager import RemoteCallResults, ResultOrError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from learner.engine import StateMismatchError
from learner.publication import clean_leftovers, is_complete
from learner.rllib_learner import WATCH, PolicyLearner
from learner.settings import OPENMP_ENVIRONMENT, LearnerJob

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_GRACE_S = 5.0  # after a first failure, for the other ranks to say what happened to them
_GROUP_FILE = "learner_group.json"


class LearnerGroupError(RuntimeError):
    """The learner cannot go on."""


class LearnerRankError(LearnerGroupError):
    """A rank failed or died; `__cause__` is its own error. The message holds its traceback unless it is one of ours."""

    def __init__(self, message: str, rank: int) -> None:
        super().__init__(message)
        self.rank = rank


class LearnerTimeoutError(LearnerGroupError):
    """A call outlived its limit. The ranks have been ended; `rebuild` starts new ones."""


@dataclass(frozen=True, slots=True)
class PolicyPointer:
    """The published policy that samplers should use: what travels in place of tensors."""

    path: str
    version: int


class GangLearnerGroup(LearnerGroup):
    """RLlib's LearnerGroup over ranks that only ever act together.

    `config.learner_job` (a `LearnerJob`) says what to build. The constructor returns while the ranks still start, so
    that other actors can start beside them; the first call, or `ready`, waits.
    """

    def __init__(self, *, config: Any, module_spec: Any = None, placement_group: Any = None) -> None:
        """Start the ranks. `placement_group`, if given, holds them from its bundle 1 on (bundle 0 is the driver's)."""
        self.config = config.copy(copy_frozen=False)
        self._module_spec = module_spec
        self._placement_group = placement_group
        self.job: LearnerJob = self.config.learner_job
        self.policy = PolicyPointer(self.job.policy_path, self.job.policy_version)
        self._state: Path | None = None  # the last saved state, as long as no later policy was published
        self._trained_since_state = False
        self._workers: list[Any] = []
        self._starting: list[Any] = []
        self._generation = 0
        self._token = uuid.uuid4().hex[:4]
        self._is_shut_down = False
        self._start()

    # ---------------------------------------------------------------- the driver's calls

    def train(
        self,
        training_set_id: int,
        phase: str,
        version: int,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, float]:
        """Train all ranks on a training set of the store, towards policy `version`; returns the phase's figures.

        `on_progress` hears of (steps done, steps in all) about twice a second. Raises `LearnerRankError`,
        `LearnerTimeoutError`.
        """
        self._trained_since_state = True
        metrics = self._call(
            "update",
            timeout_s=self.job.settings.update_timeout_s,
            on_poll=None if on_progress is None else lambda: self._report(on_progress),
            training_set_id=training_set_id,
            phase=phase,
            version=version,
        )
        return metrics[0]

    def update(self, **kwargs: Any) -> list[dict[str, float]]:
        """`train` under the name that RLlib calls it by."""
        return [self.train(**kwargs)]

    def publish(self, version: int, folder: str | Path) -> str:
        """Publish the current weights as policy `version` in `folder`; returns the checksum.

        Raises `LearnerRankError`, caused by `AlreadyPublishedError` or `DiskFullError` where it is that; the ranks can
        then go on.
        """
        checksum = self._call("publish", timeout_s=self.job.settings.save_timeout_s, folder=str(folder))[0]
        self.policy = PolicyPointer(str(folder), version)
        if self._trained_since_state:
            self._state = None
        return checksum

    def load_policy(self, folder: str | Path, version: int | None = None) -> None:
        """Go on from the policy in `folder`, the optimizer afresh; it becomes policy `version` for the samplers."""
        self._call("load_policy", timeout_s=self.job.settings.save_timeout_s, folder=str(folder))
        self.policy = PolicyPointer(str(folder), self.policy.version if version is None else version)
        self._state = None
        self._trained_since_state = False

    def save_state(self, folder: str | Path) -> None:
        """Save weights and optimizer of all ranks; `rebuild` returns to the last state or publication."""
        self._call("save_state", timeout_s=self.job.settings.save_timeout_s, folder=str(folder))
        self._state = Path(folder)
        self._trained_since_state = False

    def load_state(self, folder: str | Path) -> None:
        """Go on from a saved state. Raises `LearnerRankError`, caused by `StateMismatchError` where it is that."""
        self._call("load_state", timeout_s=self.job.settings.save_timeout_s, folder=str(folder))
        self._state = Path(folder)
        self._trained_since_state = False

    def ready(self) -> None:
        """Wait until all ranks have loaded the policy. Raises `LearnerRankError`, `LearnerTimeoutError`."""
        if self._starting:
            starting, self._starting = self._starting, []
            self._gather("build", starting, self.job.settings.build_timeout_s)

    def rebuild(self) -> None:
        """End all ranks, start new ones and return to the last saved state, or else to the last published policy.

        A state whose folder was moved since, as a checkpoint's is once it is whole, counts as none.
        """
        self._end()
        self.job = self.job.model_copy(update={"policy_path": self.policy.path, "policy_version": self.policy.version})
        self._start()
        self.ready()
        if self._state is not None and is_complete(self._state):
            self.load_state(self._state)

    def health(self) -> dict[int, bool]:
        """For each rank whether it answers, also while it trains."""
        calls = {worker.pid.remote(): rank for rank, worker in enumerate(self._workers)}
        answered = dict.fromkeys(range(len(self)), False)
        done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=self.job.settings.health_timeout_s)
        for call in done:
            answered[calls[call]] = _alive(call)
        return answered

    def pids(self) -> list[int]:
        """The process of every rank."""
        return self._gather("pid", [worker.pid.remote() for worker in self._workers], _GRACE_S)

    def shutdown(self) -> None:
        """End all ranks."""
        self._end()
        self._is_shut_down = True

    # ---------------------------------------------------------------- what RLlib's Algorithm calls

    @property
    def is_remote(self) -> bool:
        """Always: a crash of a rank must not take the driver along."""
        return True

    def __len__(self) -> int:
        return self.job.settings.num_ranks

    def get_state(self, components: Any = None, *, not_components: Any = None, **_: Any) -> dict[str, Any]:
        """A pointer to the published policy in place of its weights, under the names that RLlib gives the weights."""
        if not self._check_component("learner", components, not_components):
            return {}
        pointer = {"path": self.policy.path, "version": self.policy.version}
        return {"learner": {"rl_module": pointer, "weights_seq_no": self.policy.version}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the policy that `state` points to, unless it is the current one."""
        pointer = PolicyPointer(**state["learner"]["rl_module"])
        if pointer != self.policy:
            self.load_policy(pointer.path, pointer.version)

    def get_checkpointable_components(self) -> list[Any]:
        """None: `save_to_path` writes what all ranks hold, together."""
        return []

    def save_to_path(self, path: Any = None, *, filesystem: Any = None, **_: Any) -> str:
        """Save all ranks and the policy pointer under `path`, a folder that every rank sees.

        A second save to the same path replaces the first only once it is whole.
        """
        assert path is not None, "the learner is saved to a path of the caller's choice"
        folder = _local(path, filesystem)
        folder.mkdir(parents=True, exist_ok=True)
        clean_leftovers(folder)
        state = folder / f"state-{uuid.uuid4().hex[:8]}"
        self.save_state(state)
        record = {"path": self.policy.path, "version": self.policy.version, "state": state.name}
        temporary = folder / f".tmp-{_GROUP_FILE}"
        temporary.write_text(json.dumps(record))
        os.replace(temporary, folder / _GROUP_FILE)
        for old in folder.glob("state-*"):
            if old != state:
                shutil.rmtree(old)
        return str(folder)

    def restore_from_path(self, path: Any, *, component: str | None = None, filesystem: Any = None, **_: Any) -> None:
        """Go on from what `save_to_path` saved.

        If the number of ranks or the ZeRO stage has changed since, from its policy, with the optimizer afresh. Raises
        `StateMismatchError` if nothing was saved there.
        """
        assert component is None, "the learner is restored as a whole"
        folder = _local(path, filesystem)
        if not (folder / _GROUP_FILE).is_file():
            raise StateMismatchError(f"{folder} holds no saved learner: {_GROUP_FILE} is missing")
        record = json.loads((folder / _GROUP_FILE).read_text())
        self.policy = PolicyPointer(record["path"], record["version"])
        try:
            self.load_state(folder / record["state"])
        except LearnerRankError as error:
            if not isinstance(error.__cause__, StateMismatchError):
                raise
            logger.warning("%s; going on from policy %d", error.__cause__, self.policy.version)
            self.load_policy(self.policy.path, self.policy.version)

    def foreach_learner(
        self, func: Callable[..., Any], *, timeout_seconds: float | None = None, **kwargs: Any
    ) -> RemoteCallResults:
        """Call `func(learner)` on all ranks."""
        for unused in ("healthy_only", "remote_actor_ids", "return_obj_refs", "mark_healthy"):
            kwargs.pop(unused, None)
        limit = self.job.settings.update_timeout_s if timeout_seconds is None else timeout_seconds
        results = RemoteCallResults()
        for rank, result in enumerate(self._call("apply", func, timeout_s=limit, **kwargs)):
            results.add_result(rank, ResultOrError(result=result), None)
        return results

    # ---------------------------------------------------------------- the gang

    def _start(self) -> None:
        """Start the ranks without waiting for them: rank 0's address reaches the others as a promise."""
        settings = self.job.settings
        rank_class = ray.remote(concurrency_groups={WATCH: 1})(PolicyLearner)
        self._generation += 1
        self._workers = [
            rank_class.options(
                name=f"learner-{self._token}.{self._generation}-rank-{rank}",
                num_cpus=settings.cpus_per_rank,
                num_gpus=settings.gpus_per_rank,
                max_restarts=0,
                runtime_env={"env_vars": OPENMP_ENVIRONMENT},
                scheduling_strategy=self._placement(rank),
            ).remote(config=self.config, module_spec=self._module_spec, rank=rank, job=self.job)
            for rank in range(settings.num_ranks)
        ]
        address = self._workers[0].meet.remote() if settings.num_ranks > 1 else None
        self._starting = [worker.build.remote(address) for worker in self._workers]

    def _placement(self, rank: int) -> Any:
        if self._placement_group is None:
            return "DEFAULT"
        return PlacementGroupSchedulingStrategy(self._placement_group, placement_group_bundle_index=rank + 1)

    def _call(
        self, method: str, *args: Any, timeout_s: float, on_poll: Callable[[], None] | None = None, **kwargs: Any
    ) -> list[Any]:
        """Call `method` on every rank and wait for all; results by rank."""
        if not self._workers:
            raise LearnerGroupError(f"the learner has no ranks to {method}: call rebuild() first")
        self.ready()
        calls = [getattr(worker, method).remote(*args, **kwargs) for worker in self._workers]
        return self._gather(method, calls, timeout_s, on_poll)

    def _gather(
        self, method: str, calls: Sequence[Any], timeout_s: float, on_poll: Callable[[], None] | None = None
    ) -> list[Any]:
        """The results of one call per rank. Raises at the first failure or at the limit.

        The ranks are ended then, unless each of them has answered: a gang whose ranks all failed in good order, say
        because the disk was full, can go on.
        """
        results: dict[int, Any] = {}
        failures: dict[int, RayError] = {}
        rank_of = {call: rank for rank, call in enumerate(calls)}
        deadline = time.monotonic() + timeout_s
        while rank_of and time.monotonic() < deadline:
            done, _ = ray.wait(list(rank_of), num_returns=1, timeout=_POLL_S)
            for call in done:
                rank = rank_of.pop(call)
                try:
                    results[rank] = ray.get(call)
                except RayError as error:
                    failures[rank] = error
                    deadline = min(deadline, time.monotonic() + _GRACE_S)
            if on_poll is not None and not failures:
                on_poll()
        if rank_of or any(isinstance(error, RayActorError) for error in failures.values()):
            self._end()
        if failures:
            raise _rank_error(method, failures)
        if rank_of:
            ranks = ", ".join(str(rank) for rank in sorted(rank_of.values()))
            raise LearnerTimeoutError(f"learner rank {ranks} did not finish {method!r} within {timeout_s:g} s")
        return [results[rank] for rank in range(len(calls))]

    def _report(self, on_progress: Callable[[int, int], None]) -> None:
        call = self._workers[0].progress.remote()
        done, _ = ray.wait([call], timeout=_POLL_S)
        if done and _alive(call):
            on_progress(*ray.get(call))

    def _end(self) -> None:
        for worker in self._workers:
            ray.kill(worker)
        self._workers, self._starting = [], []


def _alive(call: Any) -> bool:
    try:
        ray.get(call)
    except RayError:
        return False
    return True


def _rank_error(method: str, failures: dict[int, RayError]) -> LearnerRankError:
    """The failure that explains the others: a rank that died, or else the first that does not just miss another."""
    rank, error = min(failures.items(), key=lambda item: (not isinstance(item[1], RayActorError), _is_echo(item[1])))
    cause = error.cause if isinstance(error, RayTaskError) else error
    state = "died" if isinstance(error, RayActorError) else "failed"
    # An error with a name of ours says all there is to say; of any other the traceback is wanted.
    named = type(cause).__module__.startswith(("learner.", "store."))
    raised = LearnerRankError(f"learner rank {rank} {state} in {method!r}: {cause if named else error}", rank)
    raised.__cause__ = cause
    return raised


def _is_echo(error: RayError) -> bool:
    """Whether a rank fails only because another did."""
    text = str(error)
    return any(
        sign in text for sign in ("RankZeroFailedError", "Connection closed by peer", "Connection reset by peer")
    )


def _local(path: Any, filesystem: Any) -> Path:
    kind = getattr(filesystem, "type_name", "local")
    if kind != "local" or "://" in str(path):
        raise ValueError(f"the learner's ranks save together into a shared folder; {path} ({kind}) is none")
    return Path(path)
