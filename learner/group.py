"""RLlib's LearnerGroup over a gang of DeepSpeed ranks.

RLlib's own LearnerGroup waits for the other ranks when one has died, drops partial results silently and saves from a
single rank. Ranks that train together cannot work that way, so `learner.gang` takes its place.
"""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.utils.actor_manager import RemoteCallResults, ResultOrError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from learner.engine import StateMismatchError
from learner.gang import Gang, LearnerRankError
from learner.publication import clean_leftovers, is_complete
from learner.rllib_learner import MONITORING, PolicyLearner
from learner.settings import OPENMP_ENVIRONMENT, LearnerJob
from store.records import PolicyPointer

logger = logging.getLogger(__name__)

_GROUP_FILE = "learner_group.json"


class GangLearnerGroup(LearnerGroup):
    """RLlib's LearnerGroup over ranks that only ever act together.

    `config.learner_job` (a `LearnerJob`) defines what to build. The constructor returns while the ranks are still
    starting, so that other actors can start at the same time; `ready` and the first call wait for them.
    """

    def __init__(self, *, config: Any, module_spec: Any = None, placement_group: Any = None) -> None:
        """Start the ranks. `placement_group`, if given, has a bundle for each from index 1 on (0 is the driver's)."""
        self.config = config.copy(copy_frozen=False)
        self._module_spec = module_spec
        self._placement_group = placement_group
        self.job: LearnerJob = self.config.learner_job
        self.policy: PolicyPointer = self.job.policy
        self._state: Path | None = None  # the last saved state, until a later policy is published
        self._trained_since_state = False
        self._is_shut_down = False
        self._gang = Gang(self._spawn, self.job.settings.num_ranks, self.job.settings.build_timeout_s)
        self._gang.start()

    # ---------------------------------------------------------------- training

    def train(
        self,
        training_set_id: int,
        phase: str,
        version: int,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> dict[str, float]:
        """Train on a training set of the store, towards policy `version`; returns the phase's metrics.

        `on_progress` is called with (steps done, total steps) about twice a second.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerTimeoutError: a rank did not finish within `update_timeout_s`.
        """
        self._trained_since_state = True
        metrics = self._gang.call(
            "update",
            timeout_s=self.job.settings.update_timeout_s,
            on_poll=None if on_progress is None else lambda: self._report(on_progress),
            training_set_id=training_set_id,
            phase=phase,
            version=version,
        )
        return metrics[0]

    def publish(self, version: int, folder: str | Path) -> str:
        """Publish the current weights as policy `version` in `folder`; returns the checksum.

        Raises:
            LearnerRankError: if `AlreadyPublishedError` or `DiskFullError` caused it, the ranks can continue.
            LearnerTimeoutError: a rank did not finish within `save_timeout_s`.
        """
        checksum = self._save_or_load("publish", folder)[0]
        self.policy = PolicyPointer(version=version, path=str(folder))
        if self._trained_since_state:
            self._state = None
        return checksum

    def load_policy(self, policy: PolicyPointer) -> None:
        """Continue from `policy` with a fresh optimizer. Raises `LearnerRankError`, `LearnerTimeoutError`."""
        self._save_or_load("load_policy", policy.path)
        self.policy = policy
        self._state = None
        self._trained_since_state = False

    def save_state(self, folder: str | Path) -> None:
        """Save weights and optimizer of all ranks; `rebuild` returns to the last state or published policy."""
        self._save_or_load("save_state", folder)
        self._state = Path(folder)
        self._trained_since_state = False

    def load_state(self, folder: str | Path) -> None:
        """Continue from a saved state. Raises `LearnerRankError`, which `StateMismatchError` may have caused."""
        self._save_or_load("load_state", folder)
        self._state = Path(folder)
        self._trained_since_state = False

    def _save_or_load(self, method: str, folder: str | Path) -> list[Any]:
        return self._gang.call(method, timeout_s=self.job.settings.save_timeout_s, folder=str(folder))

    def _report(self, on_progress: Callable[[int, int], None]) -> None:
        progress = self._gang.query(0, "progress")
        if progress is not None:
            on_progress(*progress)

    # ---------------------------------------------------------------- the ranks

    def ready(self) -> None:
        """Wait until all ranks have loaded the policy. Raises `LearnerRankError`, `LearnerTimeoutError`."""
        self._gang.ready()

    def rebuild(self) -> None:
        """Replace all ranks and return to the last saved state, or else to the last published policy.

        A state whose folder was moved since, as a finished checkpoint's is, counts as none.
        """
        self.job = self.job.model_copy(update={"policy": self.policy})
        self._gang.rebuild()
        if self._state is not None and is_complete(self._state):
            self.load_state(self._state)

    def health(self) -> dict[int, bool]:
        """Whether each rank answers, also while it trains."""
        return self._gang.health(self.job.settings.health_timeout_s)

    def pids(self) -> list[int]:
        """The process id of every rank."""
        return self._gang.pids()

    def shutdown(self) -> None:
        """End all ranks."""
        self._gang.end()
        self._is_shut_down = True

    def _spawn(self, rank: int, name: str) -> Any:
        settings = self.job.settings
        rank_class = ray.remote(concurrency_groups={MONITORING: 1})(PolicyLearner)
        return rank_class.options(
            name=name,
            num_cpus=settings.cpus_per_rank,
            num_gpus=settings.gpus_per_rank,
            max_restarts=0,
            runtime_env={"env_vars": OPENMP_ENVIRONMENT},
            scheduling_strategy=self._placement(rank),
        ).remote(config=self.config, module_spec=self._module_spec, rank=rank, job=self.job)

    def _placement(self, rank: int) -> Any:
        if self._placement_group is None:
            return "DEFAULT"
        return PlacementGroupSchedulingStrategy(self._placement_group, placement_group_bundle_index=rank + 1)

    # ---------------------------------------------------------------- RLlib's interface

    @property
    def is_remote(self) -> bool:
        """Always true: a rank that crashes must not crash the driver."""
        return True

    def __len__(self) -> int:
        return self.job.settings.num_ranks

    def update(self, **kwargs: Any) -> list[dict[str, float]]:
        """`train`, under RLlib's name for it."""
        return [self.train(**kwargs)]

    def get_state(self, components: Any = None, *, not_components: Any = None, **_: Any) -> dict[str, Any]:
        """A pointer to the published policy instead of its weights, under RLlib's keys for the weights."""
        if not self._check_component("learner", components, not_components):
            return {}
        return {"learner": self.policy.to_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from the policy that `state` points to, unless it is the current one."""
        policy = PolicyPointer.from_state(state["learner"])
        if policy != self.policy:
            self.load_policy(policy)

    def get_checkpointable_components(self) -> list[Any]:
        """None: `save_to_path` saves all ranks together."""
        return []

    def save_to_path(self, path: Any = None, *, filesystem: Any = None, **_: Any) -> str:
        """Save all ranks and the policy pointer under `path`, a folder that every rank can write to.

        A second save to the same path replaces the first only once it is complete.
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
        """Continue from what `save_to_path` saved.

        If the number of ranks or the ZeRO stage has changed since, continue from its policy with a fresh optimizer.

        Raises:
            StateMismatchError: nothing was saved there.
            LearnerRankError: a rank failed or died.
        """
        assert component is None, "the learner is restored as a whole"
        folder = _local(path, filesystem)
        if not (folder / _GROUP_FILE).is_file():
            raise StateMismatchError(f"{folder} holds no saved learner: {_GROUP_FILE} is missing")
        record = json.loads((folder / _GROUP_FILE).read_text())
        self.policy = PolicyPointer(version=record["version"], path=record["path"])
        try:
            self.load_state(folder / record["state"])
        except LearnerRankError as error:
            if not isinstance(error.__cause__, StateMismatchError):
                raise
            logger.warning("%s; continuing from policy %d", error.__cause__, self.policy.version)
            self.load_policy(self.policy)

    def foreach_learner(
        self, func: Callable[..., Any], *, timeout_seconds: float | None = None, **kwargs: Any
    ) -> RemoteCallResults:
        """Call `func(learner)` on all ranks."""
        for unused in ("healthy_only", "remote_actor_ids", "return_obj_refs", "mark_healthy"):
            kwargs.pop(unused, None)
        limit = self.job.settings.update_timeout_s if timeout_seconds is None else timeout_seconds
        results = RemoteCallResults()
        for rank, result in enumerate(self._gang.call("apply", func, timeout_s=limit, **kwargs)):
            results.add_result(rank, ResultOrError(result=result), None)
        return results


def _local(path: Any, filesystem: Any) -> Path:
    kind = getattr(filesystem, "type_name", "local")
    if kind != "local" or "://" in str(path):
        raise ValueError(f"cannot save the learner to {path} ({kind}): its ranks need a shared local folder")
    return Path(path)
