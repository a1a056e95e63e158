"""The loop as an RLlib Algorithm: sample, select, learn, publish, swap, measure, promote."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.algorithm_config import SelfTrainingConfig
from cluster.loop.fleet import Fleet
from cluster.loop.preparation import prepare
from cluster.loop.progress import Progress, Silence
from cluster.loop.telemetry import LoopTelemetry
from eval.metrics import NothingMeasuredError, compare, counted, figures
from learner.batching import NoTrainingSamplesError
from learner.group import LearnerGroupError
from learner.loss import TrainingDivergedError
from learner.settings import Phase
from store.records import Outcome, Policy, Sampling, Split
from store.runs.run_state import ActualState, DesiredState
from store.settings import SelectionSettings
from store.store import Store

log = logging.getLogger(__name__)

HELDOUT = "heldout"
_POLL_S = 0.5


class StopRequested(Exception):  # noqa: N818 - not an error: somebody asked the run to end, at a safe point
    """The run was asked to stop; everything that was sampled is in the store."""


class SelfTraining(Algorithm):
    """Self-training on verified solutions (MARIO, arXiv 2401.08190, section 3).

    The store is the system of record: what is under way is read from it, so that a driver that was killed goes on
    where it was. Samples never pass through here; version numbers and figures do.
    """

    progress: Progress = Silence()
    stop_requested: Callable[[], bool] = staticmethod(lambda: False)

    @classmethod
    def get_default_config(cls) -> SelfTrainingConfig:
        """An empty one; a run's own comes from `SelfTrainingConfig(run, folder)`."""
        return SelfTrainingConfig(algo_class=cls)

    def setup(self, config: SelfTrainingConfig) -> None:
        """Starts samplers and learner beside each other; neither is waited for here."""
        assert config.run_config is not None, "build the algorithm with SelfTrainingConfig(run, folder)"
        self.run: RunConfig = config.run_config
        self.folder = RunFolder(Path(config.run_folder))
        self.store = Store.open(config.store_url, wait=True)
        prepare(self.run, self.folder, self.store, self.progress)  # nothing is left to do where `automathes run` did it
        super().setup(config)
        self.fleet = Fleet(self.env_runner_group, self.run.ray, say=lambda text: self.progress.note(text))
        self._telemetry = LoopTelemetry(self.folder.path.name)
        self._seconds: Counter[str] = Counter()
        self._sampled_tokens = 0
        self._is_ready = False

    def wait_until_ready(self) -> None:
        """Hands the latest policy to the samplers and waits for them and for the learner."""
        with self._phase("start"):
            self.fleet.hand_out(self._latest())
            self.learner_group.ready()
        self._is_ready = True

    def training_step(self) -> None:
        """One span between two publications, from wherever the store says it stands."""
        if not self._is_ready:  # Tune knows nothing of `wait_until_ready`
            self.wait_until_ready()
        self._seconds.clear()
        self._sampled_tokens = 0
        policy = self._unmeasured_policy() or self._next_policy()
        self._hand_out(policy)
        self._measure(policy)
        self._promote_if_not_worse(policy)
        self._report(policy)
        self._thin()

    # ---------------------------------------------------------------- the story's parts

    def _next_policy(self) -> Policy:
        if self._wants_warm_start():
            return self._learn(Phase.WARM_START, self._demonstrations_alone())
        return self._iterate()

    def _iterate(self) -> Policy:
        """Sampling with the present policy, then learning from all that was accepted."""
        number = self.current_iteration()
        self._open_iteration(number)
        if self.run.mode == "self_training":
            self._collect(number)
        if self.run.iteration.overlap:
            self._open_iteration(number + 1)
        return self._learn(Phase.ITERATION, self._selection())

    def _open_iteration(self, number: int) -> None:
        """Opens an iteration and schedules it; one that is open already stays as it is."""
        settings = self.run.iteration
        self.store.iterations.open(number, self._latest().version)
        if self.run.mode == "self_training":
            self.store.iterations.schedule(
                number,
                settings.problems,
                settings.samples_per_problem,
                Sampling(settings.temperature, settings.top_p),
                settings.scheduling,
                seed=self.run.seed + number,
            )

    def _collect(self, number: int) -> None:
        """Waits while the samplers fill the iteration."""
        with self._phase("sample", self.store.iterations.progress(number)[1]):
            self._await_rollouts(lambda: self.store.iterations.progress(number))

    def _learn(self, phase: Phase, selection: SelectionSettings) -> Policy:
        """Trains on a stored selection and publishes what comes out; a rank that dies is replaced once."""
        parent = self._latest()
        version = self.store.policies.next_version()
        training_set = self.store.training_sets.select(version, selection)
        with self._phase("learn"):
            try:
                metrics = self._train(training_set, phase, version)
            except LearnerGroupError as error:
                if isinstance(error.__cause__, NoTrainingSamplesError | TrainingDivergedError):
                    raise  # the same samples in the same order end the same way
                log.warning("the learner failed and is started again: %s", error)
                self.progress.note(f"the learner starts again from the last policy: {error}")
                self.learner_group.rebuild()
                metrics = self._train(training_set, phase, version)
        with self._phase("publish"):
            path = self.folder.policy(version)
            checksum = self.learner_group.publish(version, path)
            config = {"phase": phase.value, **self.run.learner.model_dump(mode="json")}
            policy = Policy(version, parent.version, str(path), training_set, metrics, config=config, checksum=checksum)
            self.store.policies.add(policy)
        return policy

    def _train(self, training_set: int, phase: Phase, version: int) -> dict[str, float]:
        if phase is Phase.ITERATION and self.run.iteration.from_base:
            base = self.store.policies.get(0)
            self.learner_group.load_policy(base.path, base.version)
        return self.learner_group.train(training_set, phase.value, version, on_progress=self._on_step)

    def _on_step(self, done: int, total: int) -> None:
        """A stop abandons the training under way: its selection is stored and every rollout is, nothing is lost."""
        self._stop_if_asked(self.store.run.desired())
        self.progress.advance(done, total)
        self._tally(self.fleet.attend(self._latest(), wait_s=0.0))

    def _hand_out(self, policy: Policy) -> None:
        with self._phase("swap"):
            self.fleet.hand_out(policy)

    def _measure(self, policy: Policy) -> None:
        """Attempts the held-out problems greedily, and several times at a temperature if that is wanted."""
        settings = self.run.evaluation
        measured: dict[str, float] = self._evaluate(policy, HELDOUT, 1, self.run.evaluation_sampling(0.0))
        if settings.sampled:
            sampling = self.run.evaluation_sampling(settings.temperature)
            sampled = self._evaluate(policy, f"{HELDOUT}-sampled", settings.sampled, sampling)
            measured |= {name: value for name, value in sampled.items() if name != "pass@1"}
        self._figures_of_policy = measured

    def _evaluate(self, policy: Policy, benchmark: str, samples: int, sampling: Sampling) -> dict[str, float]:
        evaluation = self.store.evaluations.schedule(
            policy.version,
            benchmark,
            samples=samples,
            sampling=sampling,
            split=Split.HELDOUT,
            limit=self.run.evaluation.problems,
        )
        with self._phase("measure", self.store.evaluations.progress(evaluation)[1]):
            self._await_rollouts(lambda: self.store.evaluations.progress(evaluation))
        answers = self.store.evaluations.answers(evaluation)
        measured = figures(answers)
        if not measured:
            raise NothingMeasuredError(
                f"no attempt to measure policy {policy.version} got past a fault of ours: see the logs"
            )
        self.store.evaluations.finish(evaluation, measured, counted(answers))
        return measured

    def _promote_if_not_worse(self, policy: Policy) -> None:
        promoted = self.store.policies.promoted()
        if promoted is None or not self._is_worse(policy, promoted):
            self.store.policies.promote(policy.version)

    def _report(self, policy: Policy) -> None:
        """Closes the iteration with its figures, which RLlib, Tune and the live view get too."""
        row = self.figures(policy)
        if row["iteration"] > 0:
            self.store.iterations.close(row["iteration"], row)
        self._telemetry.record(row)
        for name, value in row.items():
            if isinstance(value, int | float):
                self.metrics.log_value(("automathes", name), value, window=1)
        self.progress.iteration(row)

    def _thin(self) -> None:
        """Takes away rejected rollouts that the configuration does not keep."""
        if self.run.retention is not None:
            log.info("%d rejected rollouts thinned", self.store.rollouts.prune(self.run.retention))

    def figures(self, policy: Policy) -> dict[str, Any]:
        """What the iteration that published `policy` came to."""
        seconds = dict(self._seconds)
        number = self._iteration_of(policy)
        outcomes = self.store.iterations.outcomes(number).get(number, {})
        rollouts, accepted = sum(outcomes.values()), outcomes.get(Outcome.ACCEPTED.value, 0)
        sampling_s = seconds.get("sample", 0.0) + (seconds.get("learn", 0.0) if self.run.iteration.overlap else 0.0)
        promoted = self.store.policies.promoted()
        return {
            "iteration": number,
            "policy_version": policy.version,
            "promoted_version": promoted.version if promoted else None,
            "rollouts": rollouts,
            "accepted": accepted,
            "acceptance_rate": accepted / rollouts if rollouts else None,
            "outcomes": outcomes,
            "blocks": self.store.iterations.blocks_run(number),
            "tokens_per_s": self._sampled_tokens / sampling_s if number and sampling_s else None,
            "loss": policy.metrics.get("loss"),
            **self._figures_of_policy,
            "seconds": seconds,
        }

    # ---------------------------------------------------------------- where the run stands

    def current_iteration(self) -> int:
        """The number of the iteration that is open, else of the next one. The warm start is 0."""
        return self.iterations_done() + 1

    def iterations_done(self) -> int:
        """Iterations that are closed; the warm start is none."""
        return sum(iteration.closed_at is not None for iteration in self.store.iterations.all())

    def is_behind(self) -> bool:
        """Whether something comes before the next iteration: the base's measure, the warm start, a crash's remains."""
        return self._unmeasured_policy() is not None or self._wants_warm_start()

    def _unmeasured_policy(self) -> Policy | None:
        """The latest policy, if it was not measured and judged: the base at first, later one whose driver died."""
        latest = self._latest()
        if latest.version == 0 and not self.run.evaluation.base:
            return None
        return None if self._is_judged(latest) else latest

    def _is_judged(self, policy: Policy) -> bool:
        """A score is not enough: the driver may have died before it promoted the policy or closed its iteration."""
        promoted = self.store.policies.promoted()
        measured = {figure.policy_version for figure in self.store.evaluations.figures() if figure.benchmark == HELDOUT}
        if policy.version not in measured:
            return False
        if promoted is None or (policy.version > promoted.version and not self._is_worse(policy, promoted)):
            return False
        closed = {iteration.metrics.get("policy_version") for iteration in self.store.iterations.all()}
        return policy.config.get("phase") != Phase.ITERATION.value or policy.version in closed

    def _is_worse(self, policy: Policy, promoted: Policy) -> bool:
        """Whether it solves fewer of the held-out problems than the promoted one, by more than is tolerated."""
        ours, theirs = (self.store.evaluations.benchmark_answers(one.version, HELDOUT) for one in (policy, promoted))
        scores = compare(ours, theirs)
        return scores is not None and scores[0] < scores[1] - self.run.evaluation.tolerance

    def _wants_warm_start(self) -> bool:
        return self.run.teacher is not None and self._latest().version == 0

    def _iteration_of(self, policy: Policy) -> int:
        """The open iteration that published the policy; 0 for the base and the warm start."""
        for iteration in self.store.iterations.all():
            if iteration.closed_at is None and iteration.policy_version < policy.version:
                return iteration.number
        return 0

    def _latest(self) -> Policy:
        policy = self.store.policies.latest()
        assert policy is not None, "a run is prepared before it is built"
        return policy

    def _demonstrations_alone(self) -> SelectionSettings:
        return self.run.selection.model_copy(update={"attempts": False})

    def _selection(self) -> SelectionSettings:
        return self._demonstrations_alone() if self.run.mode == "demonstrations_only" else self.run.selection

    # ---------------------------------------------------------------- waiting

    def _await_rollouts(self, count: Callable[[], tuple[int, int]]) -> None:
        self.fleet.await_rollouts(self._latest(), count, self.progress, self._tally, self._heed_requests)

    def _tally(self, news: list[dict[str, Any]]) -> None:
        self._sampled_tokens += sum(tally["train_tokens"] for tally in news)

    def _heed_requests(self) -> bool:
        """Pauses while that is wanted; true if it did. Raises `StopRequested` when the run is to end."""
        paused = False
        while True:
            desired = self.store.run.desired()
            self._stop_if_asked(desired)
            if desired is not DesiredState.PAUSED:
                break
            if not paused:
                self.fleet.pause()
                self.store.run.set_actual(ActualState.PAUSED)
                self.progress.note("paused; `automathes resume` goes on")
                paused = True
            time.sleep(_POLL_S)
        if paused:
            self.fleet.resume()
            self.store.run.set_actual(ActualState.RUNNING)
            self.progress.note("resumed")
        return paused

    def _stop_if_asked(self, desired: DesiredState) -> None:
        if self.stop_requested() or desired is DesiredState.STOPPED:
            raise StopRequested

    @contextmanager
    def _phase(self, name: str, total: int | None = None) -> Iterator[None]:
        began = time.monotonic()
        log.info("%s", name)
        with self.progress.phase(name, total):
            yield
        self._seconds[name] += time.monotonic() - began  # type: ignore[assignment]

    # ---------------------------------------------------------------- what RLlib would do otherwise

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Nothing here: samplers are brought back while they are waited for."""
        return []

    def cleanup(self) -> None:
        """Ends samplers and learner."""
        super().cleanup()
        self.store.close()
