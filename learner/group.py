"""RLlib's LearnerGroup over a gang of DeepSpeed ranks.

RLlib's own LearnerGroup waits for the other ranks when one has died, drops partial results silently and saves from a
single rank. Ranks that train together cannot work that way, so `learner.ranks.gang` takes its place.
"""

import logging
from collections.abc import Callable
from typing import Any

from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.utils.actor_manager import RemoteCallResults, ResultOrError

from learner.checkpoints.folder import CheckpointUnreadableError, TrainingKey, claim_folder, finished_checkpoint
from learner.checkpoints.resumption import Resumption
from learner.directive import Directive
from learner.engine import StateMismatchError
from learner.policy_folder import weights_bytes
from learner.progress import GIB, StepFigures
from learner.publication import is_complete
from learner.ranks.actors import NameOptions, RankActors
from learner.ranks.gang import Gang, LearnerRankError
from learner.ranks.places import RankPlaces
from learner.ranks.pointer import LearnerPointer, local_folder, read_pointer, write_pointer
from learner.ranks.silence import SilenceLimits
from learner.ranks.training_call import TrainingCall
from learner.settings import LearnerJob
from store.artifacts.location import Location
from store.records import Policy, PolicyPointer

logger = logging.getLogger(__name__)


class GangLearnerGroup(LearnerGroup):
    """RLlib's LearnerGroup over ranks that only ever act together.

    `config.learner_job` (a `LearnerJob`) defines what to build. The constructor returns while the ranks are still
    starting, so that other actors can start at the same time; `ready` and the first call wait for them.
    """

    def __init__(
        self,
        *,
        config: Any,
        module_spec: Any = None,
        places: RankPlaces | None = None,
        names: NameOptions | None = None,
    ) -> None:
        """Start the ranks at their `places`, under their `names`; without these wherever Ray has room, unnamed."""
        self.config = config.copy(copy_frozen=False)
        self.job: LearnerJob = self.config.learner_job
        self.policy: PolicyPointer = self.job.policy
        self._state: Location | None = None  # the checkpoint with the optimizer that belongs to the policy
        self._trained_state: Location | None = None  # that of the training which is not yet published
        self._has_trained = False  # whether the ranks hold other weights than the policy's
        self._is_shut_down = False
        self._actors = RankActors(self.config, module_spec, places, names)
        self._gang = Gang(lambda rank: self._actors.create(rank, self.job), self.job.settings.num_ranks, self._limits())
        self._gang.start()

    # ---------------------------------------------------------------- training

    def train(
        self,
        training_set_id: int,
        phase: str,
        version: int,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
        directive: Callable[[], Directive] = lambda: Directive.RUN,
        checkpoints: Location | None = None,
    ) -> dict[str, float]:
        """Train the current policy on a training set of the store, towards policy `version`; returns the metrics.

        `on_progress` is called with (steps done, total steps), and `directive` read, about twice a second. With
        `checkpoints`, a location that every rank can write to, the training is saved there now and then, and continues
        from the last one that it finds there.

        Raises:
            TrainingInterrupted: the directive was to stop.
            LearnerRankError: a rank failed or died.
            LearnerSilenceError: a rank made no progress.
            StorageError: the driver could not read which checkpoints there are.
        """
        key = TrainingKey.of(self.job.settings, training_set_id, phase, version)
        found = [] if checkpoints is None else claim_folder(checkpoints, key)
        call = TrainingCall(self._gang, on_progress, directive)
        for begin_from in [*found, None]:
            if self._has_trained and begin_from is None:
                self._return_to_policy(call.poll)
            self._has_trained = True
            resumption = None if checkpoints is None else Resumption(checkpoints, key, self._gang.name, begin_from)
            try:
                result = call.run(training_set_id, phase, version, resumption)
            except LearnerRankError as error:
                if begin_from is None or not isinstance(error.__cause__, CheckpointUnreadableError):
                    raise
                logger.warning("%s; the one before it is used", error)
                continue
            break
        if result.interruption is not None:
            raise result.interruption
        keeps = checkpoints is not None and self.job.settings.keeps_optimizer
        self._trained_state = finished_checkpoint(checkpoints) if checkpoints is not None and keeps else None
        return result.metrics

    def publish(
        self,
        version: int,
        folder: Location,
        record: Policy | None = None,
        on_poll: Callable[[], None] | None = None,
    ) -> str:
        """Publish the current weights as policy `version` in `folder`, with `record` in it; returns the checksum.

        `on_poll` is called about twice a second.

        Raises:
            LearnerRankError: if an `OSError` or `AlreadyPublishedError` caused it, the ranks can continue.
            LearnerSilenceError: a rank made no progress.
        """
        checksum = self._gang.call("publish", location=str(folder), record=record, on_poll=on_poll)[0]
        self.policy = PolicyPointer(version, str(folder), checksum)
        self._state, self._has_trained = self._trained_state, False
        return checksum

    def load_policy(self, policy: PolicyPointer, on_poll: Callable[[], None] | None = None) -> None:
        """Continue from `policy` with a fresh optimizer. Raises `LearnerRankError`, `LearnerSilenceError`."""
        self._gang.call("load_policy", location=policy.path, checksum=policy.checksum, on_poll=on_poll)
        self.policy = policy
        self._state = self._trained_state = None
        self._has_trained = False

    def load_state(self, checkpoint: Location, on_poll: Callable[[], None] | None = None) -> None:
        """Load the weights and the optimizer of a checkpoint, which belong to the current policy.

        Raises `LearnerRankError`, which `StateMismatchError` may have caused, and `LearnerSilenceError`.
        """
        self._gang.call("load_state", location=str(checkpoint), on_poll=on_poll)
        self._state, self._has_trained = checkpoint, False

    def load_state_if_it_fits(self, checkpoint: Location, on_poll: Callable[[], None] | None = None) -> None:
        """Load a state as `load_state` does, or continue with a fresh optimizer if the layout of ranks has changed."""
        try:
            self.load_state(checkpoint, on_poll)
        except LearnerRankError as error:
            if not isinstance(error.__cause__, StateMismatchError):
                raise
            logger.warning("%s; policy %d continues with a fresh optimizer", error.__cause__, self.policy.version)

    def _return_to_policy(self, on_poll: Callable[[], None]) -> None:
        state = self._complete_state()
        self.load_policy(self.policy, on_poll)
        if state is not None:
            self.load_state(state, on_poll)

    def _complete_state(self) -> Location | None:
        return self._state if self._state is not None and is_complete(self._state) else None

    # ---------------------------------------------------------------- what it does

    @property
    def activity(self) -> str:
        """What the learner does or waits for, in words: that of the rank that is furthest behind."""
        return self._gang.activity

    @property
    def waits_for(self) -> str | None:
        """What the ranks wait for, if there is no room for them in the cluster."""
        return self._actors.places.waits_for(self._gang.not_started)

    @property
    def is_paused(self) -> bool:
        """Whether all ranks hold between two steps."""
        progress = self._gang.progress
        return len(progress) == self.job.settings.num_ranks and all(rank.is_paused for rank in progress.values())

    @property
    def warning(self) -> str | None:
        """The last thing that went wrong in the current training without ending it, such as a failed checkpoint."""
        return next((progress.warning for progress in self._gang.progress.values() if progress.warning), None)

    @property
    def last_step(self) -> StepFigures | None:
        """The last step of the current training that was taken, as rank 0 reported it."""
        progress = self._gang.progress.get(0)
        return None if progress is None else progress.last_step

    @property
    def is_alive(self) -> bool:
        """Whether there are ranks, which may still be starting. After a failure `rebuild` starts new ones."""
        return self._gang.is_alive

    # ---------------------------------------------------------------- the ranks

    def ready(self, on_poll: Callable[[], None] | None = None) -> None:
        """Wait until all ranks have loaded the policy; `on_poll` is called about twice a second.

        Raises:
            LearnerRankError: a rank failed or died.
            LearnerSilenceError: a rank did not start, or made no progress.
        """
        self._gang.ready(on_poll)

    def rebuild(self, on_poll: Callable[[], None] | None = None) -> None:
        """Replace all ranks and return to the current policy, with its optimizer if that was kept."""
        self.job, state = self.job.model_copy(update={"policy": self.policy}), self._complete_state()
        self._gang.limits = self._limits()
        self._has_trained = False
        self._gang.end()
        self._actors.places.renew()
        self._gang.rebuild(on_poll)
        if state is not None:
            self.load_state(state, on_poll)

    def _limits(self) -> SilenceLimits:
        settings = self.job.settings
        data_s = settings.silence_s + settings.silence_s_per_gib * weights_bytes(self.policy.path) / GIB
        return SilenceLimits(settings.start_silence_s, settings.silence_s, data_s)

    def health(self) -> dict[int, bool]:
        """Whether each rank answers, also while it trains."""
        return self._gang.health(self.job.settings.health_timeout_s)

    def pids(self) -> list[int]:
        """The process id of every rank."""
        return self._gang.pids()

    def shutdown(self) -> None:
        """End all ranks."""
        self._gang.end()
        self._actors.places.release()
        self._is_shut_down = True

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
        """None: `save_to_path` saves a pointer."""
        return []

    def save_to_path(self, path: Any = None, *, filesystem: Any = None, **_: Any) -> str:
        """Save a pointer to the policy under `path`: its weights are published, and its optimizer, if kept, is saved.

        What was trained since is in the checkpoints of the training.
        """
        assert path is not None, "the learner is saved to a path of the caller's choice"
        folder = local_folder(path, filesystem)
        folder.mkdir(parents=True, exist_ok=True)
        write_pointer(folder, self.job.store_url, LearnerPointer(self.policy, self._state))
        return str(folder)

    def restore_from_path(self, path: Any, *, component: str | None = None, filesystem: Any = None, **_: Any) -> None:
        """Continue from what `save_to_path` saved, in this version or in earlier ones, which saved all ranks there.

        If the number of ranks or the ZeRO stage has changed since, continue with a fresh optimizer.

        Raises:
            StateMismatchError: nothing was saved there.
            LearnerRankError: a rank failed or died.
        """
        assert component is None, "the learner is restored as a whole"
        policy, state = read_pointer(local_folder(path, filesystem), self.job.store_url)
        if policy.version != self.policy.version:
            self.load_policy(policy)
        if state is not None and self.job.settings.keeps_optimizer:
            self.load_state_if_it_fits(state)

    def foreach_learner(
        self, func: Callable[..., Any], *, timeout_seconds: float | None = None, **kwargs: Any
    ) -> RemoteCallResults:
        """Call `func(learner)` on all ranks."""
        for unused in ("healthy_only", "remote_actor_ids", "return_obj_refs", "mark_healthy"):
            kwargs.pop(unused, None)
        results = RemoteCallResults()
        for rank, result in enumerate(self._gang.call("apply", func, timeout_s=timeout_seconds, **kwargs)):
            results.add_result(rank, ResultOrError(result=result), None)
        return results
