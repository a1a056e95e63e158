"""Learning: trains the next policy on a stored selection and publishes it."""

import logging
from collections.abc import Callable

from cluster.loop.iteration.context import LoopContext
from learner.batching import NoTrainingSamplesError
from learner.directive import Directive, TrainingInterrupted
from learner.gang import LearnerGroupError
from learner.group import GangLearnerGroup
from learner.loss import TrainingDivergedError
from learner.settings import Phase
from store.records import Policy
from store.settings import SelectionSettings

log = logging.getLogger(__name__)


class PolicyTrainer:
    """Trains and publishes policies with the learner group.

    `on_step` is called after the learner's steps, at most about twice a second.
    """

    def __init__(
        self,
        loop: LoopContext,
        learner: GangLearnerGroup,
        on_poll: Callable[[], object],
        directive: Callable[[], Directive],
    ) -> None:
        self._loop = loop
        self._run = loop.run
        self._store = loop.store
        self._learner = learner
        self._on_step = on_poll
        self._directive = directive

    def adopt(self) -> Policy | None:
        """Record a complete policy folder whose row is missing."""
        return None

    def publish_next(self, iteration: int) -> Policy:
        """Train on an iteration, or for 0 on the demonstrations, and publish the policy."""
        if iteration == 0:
            return self._train_and_publish(Phase.WARM_START, self._demonstrations_only(), 0)
        control_run = self._run.mode == "demonstrations_only"
        selection = self._demonstrations_only() if control_run else self._run.selection
        return self._train_and_publish(Phase.ITERATION, selection, iteration)

    def _demonstrations_only(self) -> SelectionSettings:
        return self._run.selection.model_copy(update={"attempts": False})

    def _train_and_publish(self, phase: Phase, selection: SelectionSettings, iteration: int) -> Policy:
        parent = self._store.policies.require_latest()
        version = self._store.policies.next_version()
        training_set = self._store.training_sets.select(version, selection, iteration)
        with self._loop.phases.run("learn"):
            metrics = self._train(training_set, phase, version)
        with self._loop.phases.run("publish"):
            path = self._loop.folder.policy(version)
            checksum = self._learner.publish(version, path)
            config = {"phase": phase.value, **self._run.learner.model_dump(mode="json")}
            policy = Policy(
                version,
                parent.version,
                str(path),
                training_set,
                metrics,
                config=config,
                checksum=checksum,
                iteration=iteration,
            )
            self._store.policies.add(policy)
        return policy

    def _train(self, training_set: int, phase: Phase, version: int) -> dict[str, float]:
        """Train once, and once more with new ranks if one failed."""
        try:
            return self._train_once(training_set, phase, version)
        except LearnerGroupError as error:
            if isinstance(error.__cause__, NoTrainingSamplesError | TrainingDivergedError):
                raise  # the same samples in the same order fail the same way
            log.warning("the learner failed and is restarted: %s", error)
            self._loop.operator.progress.note(f"the learner restarts from the last policy: {error}")
            self._learner.rebuild()
            return self._train_once(training_set, phase, version)

    def _train_once(self, training_set: int, phase: Phase, version: int) -> dict[str, float]:
        if phase is Phase.ITERATION and self._run.iteration.from_base:
            base = self._store.policies.get(0)
            self._learner.load_policy(base.pointer)
        return self._learner.train(training_set, phase.value, version, on_progress=self._advance)

    def _advance(self, done: int, total: int) -> None:
        """Report a step. A stop abandons the training: its selection and every rollout are stored, nothing is lost."""
        if self._directive() is Directive.STOP:
            raise TrainingInterrupted(done, total, False)
        self._loop.operator.progress.advance(done, total)
        self._on_step()
