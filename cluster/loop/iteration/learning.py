"""Learning: trains the next policy on a stored selection and publishes it, through every failure but a final one."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from cluster.loop.control import StopRequested
from cluster.loop.iteration.context import LoopContext
from cluster.loop.iteration.valuing import Valuing
from learner.batching import NoTrainingSamplesError
from learner.checkpoints.folder import remove_checkpoints, training_folder
from learner.directive import Directive, TrainingInterrupted
from learner.group import GangLearnerGroup
from learner.loss import TrainingDivergedError
from learner.publication.record import read_policy_record
from learner.ranks.gang import LearnerGroupError
from learner.settings import Phase
from store.artifacts.errors import StorageError
from store.artifacts.location import Location
from store.records import Policy
from store.settings import SelectionSettings
from store.training.training_sets import TrainingSet

log = logging.getLogger(__name__)

_POLL_S = 0.5
_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 300.0


class PolicyTrainer:
    """Trains and publishes policies with the learner group.

    `on_poll` is called about twice a second in every wait. `directive` is read as often: a training holds or stops at
    the end of a step, and a publication is completed first.
    """

    def __init__(
        self,
        loop: LoopContext,
        learner: GangLearnerGroup,
        on_poll: Callable[[], None],
        directive: Callable[[], Directive],
    ) -> None:
        self._loop = loop
        self._run = loop.run
        self._store = loop.store
        self._learner = learner
        self._on_poll = on_poll
        self._directive = directive
        self._warning: str | None = None
        self._step = 0
        self._valuing = Valuing(loop, self._poll_or_stop)
        self._waits_for: str | None = None

    def publish_next(self, iteration: int) -> Policy:
        """Train and publish the policy that closes `iteration`, 0 for the warm start; returns it as it is stored.

        An interrupted training of this iteration is continued: with the same version, on the same training set.

        Raises:
            StopRequested: the directive was to stop. What was trained is saved.
            NothingToScheduleError: there is nothing to train on.
            LearnerGroupError: the ranks failed more often in a row than `max_rebuilds`, or the training diverged.
        """
        training = self._training_of(iteration)
        restarts = _Restarts(self._run.learner.max_rebuilds)
        while True:
            draft = self._trained(training, restarts)
            with self._loop.phases.run("publish"):
                policy = self._published(draft, restarts)
            if policy is not None:
                return self._record(policy)

    @property
    def waits_for(self) -> str | None:
        """What holds the training or the publication up, in words; None while it goes on."""
        return self._waits_for or self._valuing.waits_for

    # ---------------------------------------------------------------- training

    def _training_of(self, iteration: int) -> TrainingSet:
        """The training set of an interrupted training for this iteration, else a new one."""
        interrupted = self._store.training_sets.unpublished()
        if interrupted is not None and interrupted.iteration == iteration:
            return interrupted
        version = self._store.policies.next_version()
        selection = self._valuing.resolve(self._selection(iteration))
        selected = self._store.training_sets.select(version, selection, iteration)
        return TrainingSet(selected, version, iteration, self._store.training_sets.size(selected))

    def _selection(self, iteration: int) -> SelectionSettings:
        if iteration == 0 or self._run.mode == "demonstrations_only":
            return self._run.selection.model_copy(update={"attempts": False})
        return self._run.selection

    def _trained(self, training: TrainingSet, restarts: "_Restarts") -> Policy:
        """Train with ranks that are replaced when they fail; returns the policy, which is not yet published."""
        parent = self._store.policies.require_latest()
        phase = Phase.ITERATION if training.iteration else Phase.WARM_START
        self._loop.tracking.begin_training(training.iteration)
        with self._loop.phases.run("learn"):
            metrics = self._metrics_of(training, phase, parent, restarts)
        return Policy(
            version=training.policy_version,
            parent=parent.version,
            path=str(self._loop.folder.policy(training.policy_version)),
            training_set_id=training.id,
            metrics=metrics,
            config={"phase": phase.value, "mode": self._run.mode, **self._run.learner.model_dump(mode="json")},
            iteration=training.iteration,
        )

    def _metrics_of(
        self, training: TrainingSet, phase: Phase, parent: Policy, restarts: "_Restarts"
    ) -> dict[str, float]:
        while True:
            try:
                return self._train_once(training, phase, parent)
            except TrainingInterrupted as interruption:
                self._note(f"{interruption}")
                raise StopRequested from interruption
            except StorageError as error:
                self._wait(_FIRST_PAUSE_S, f"the training waits for the storage: {error}")
            except LearnerGroupError as error:
                if isinstance(error.__cause__, NoTrainingSamplesError | TrainingDivergedError):
                    raise  # the same samples in the same order fail the same way
                log.warning("the learner failed and is restarted: %s", error)
                self._wait(
                    restarts.count(error, self._step),
                    f"the learner continues from its last checkpoint: {_first_line(error)}",
                )

    def _train_once(self, training: TrainingSet, phase: Phase, parent: Policy) -> dict[str, float]:
        self._step = 0
        if not self._learner.is_alive:
            self._learner.rebuild(self._poll_or_stop)
        self._learner.ready(self._poll_or_stop)
        from_base = phase is Phase.ITERATION and self._run.iteration.from_base
        start = self._store.policies.get(0) if from_base else parent
        if self._learner.policy.version != start.version:
            self._learner.load_policy(start.pointer, self._poll_or_stop)
        return self._learner.train(
            training.id,
            phase.value,
            training.policy_version,
            on_progress=self._advance,
            directive=self._directive,
            checkpoints=training_folder(self._loop.folder.trainings, training.policy_version),
        )

    def _advance(self, done: int, total: int) -> None:
        self._step = max(self._step, done)
        if total:
            self._loop.operator.progress.advance(done, total)
        self._loop.tracking.add_step(self._learner.last_step)
        if (warning := self._learner.warning) != self._warning:
            self._warning = warning
            if warning is not None:
                self._note(warning)
        self._on_poll()

    # ---------------------------------------------------------------- publishing

    def _published(self, draft: Policy, restarts: "_Restarts") -> Policy | None:
        """Publish, again and again until it works; None if the ranks are gone, and with them the weights."""
        folder, pause_s = self._loop.folder.policy(draft.version), _FIRST_PAUSE_S
        while True:
            try:
                checksum = self._learner.publish(draft.version, folder, draft, self._on_poll)
                return replace(draft, checksum=checksum)
            except LearnerGroupError as error:
                log.warning("policy %d was not published: %s", draft.version, error)
                if (policy := self._published_before(folder)) is not None:  # the rank failed after that
                    return policy
                if not self._learner.is_alive:
                    pause_s, what = restarts.count(error, self._step), _first_line(error)
                    self._wait(pause_s, f"policy {draft.version} is trained on from its last checkpoint: {what}")
                    return None
                if not isinstance(error.__cause__, OSError):
                    raise
                self._wait(
                    pause_s, f"policy {draft.version} could not be published, its weights are kept: {error.__cause__}"
                )
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _published_before(self, folder: Location) -> Policy | None:
        """The policy that was published in spite of an error. Waits until the storage can be read."""
        while True:
            try:
                return read_policy_record(folder)
            except StorageError as error:
                self._wait(_FIRST_PAUSE_S, f"it is not known whether {folder} was published: {error}")

    def _wait(self, pause_s: float, reason: str) -> None:
        """Wait before the next attempt. Raises `StopRequested`."""
        self._waits_for = reason
        self._note(f"{reason}; the next attempt is in {pause_s:g} s" if pause_s else reason)
        until = time.monotonic() + pause_s
        try:
            while time.monotonic() < until:
                self._poll_or_stop()
                time.sleep(_POLL_S)
        finally:
            self._waits_for = None

    def _record(self, policy: Policy) -> Policy:
        """Add the policy to the store; the checkpoints of its training have served their purpose."""
        self._store.policies.add(policy)
        kept = policy.version if self._run.learner.keeps_optimizer else None
        try:
            remove_checkpoints(self._loop.folder.trainings, keep_finished=kept)
        except StorageError as error:
            log.warning("checkpoints were not removed, the next publication does it: %s", error)
        return policy

    def _poll_or_stop(self) -> None:
        self._on_poll()
        if self._directive() is Directive.STOP:
            raise StopRequested

    def _note(self, text: str) -> None:
        self._loop.operator.progress.note(text)


def _first_line(error: Exception) -> str:
    """Of an error of Ray, whose text is a page; the log has it."""
    return str(error).partition("\n")[0]


class _Restarts:
    """Counts the times in a row that ranks had to be replaced. A training that comes further than before resets it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._furthest = 0

    def count(self, error: LearnerGroupError, step: int) -> float:
        """Count a failure after `step` steps; returns the pause before the next attempt [s], none after the first one.

        Raises `error` beyond the limit.
        """
        self._count = 1 if step > self._furthest else self._count + 1
        self._furthest = max(self._furthest, step)
        if self._count > self._limit:
            raise error
        return 0.0 if self._count == 1 else _FIRST_PAUSE_S * 2.0 ** (self._count - 2)
