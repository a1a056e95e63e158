"""A played run: its store, its driver, its samplers and its clock, and what must hold of its store."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import event, select

from cluster.config.loading import load_config
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.tracking.tracking import policy_points
from store.database.connection import connect
from store.database.tables import AssignmentRow
from store.database.urls import parse_url
from store.records import Decision, Outcome, Policy, Problem, Purpose, Rollout, Sampling, Split
from store.runs.run_state import DesiredState
from store.store import Store

from .driver import DriverPlay, GroupPlay, LearnerPlay, MortalDatabase
from .sampler import SamplerPlay, rollout_of

TRAIN_PROBLEMS, HELDOUT_PROBLEMS, SAMPLES = 7, 5, 2
_FOLDER = tempfile.TemporaryDirectory(prefix="played-")  # removed when the tests end
POLLS_LIMIT = 400  # of an undisturbed run, which needs a few dozen


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between played runs."""

    lead: int
    quorum: float | None
    target: int
    problems: int
    rule: str
    measures_base: bool
    heldout: int
    budget: int
    promotion: str
    has_warm_start: bool
    mode: str
    swap_wait_s: float

    def config(self) -> RunConfig:
        config = load_config("demo", None, [f"iteration.scheduling={self.rule}", "ray.dashboard=false"])
        iteration = {"count": 3, "lead": self.lead, "quorum": self.quorum, "problems": self.problems}
        evaluation = {"problems": self.heldout, "base": self.measures_base, "sampled": 0}
        return config.model_copy(
            update={
                "iteration": config.iteration.model_copy(update={**iteration, "samples_per_problem": SAMPLES}),
                "evaluation": config.evaluation.model_copy(update=evaluation),
                "promotion": config.promotion.model_copy(
                    update={"rule": self.promotion, "max_problems": max(self.budget, self.heldout)}
                ),
                "teacher": config.teacher if self.has_warm_start else None,
                "mode": self.mode,
            }
        )


class PlayedRun:
    """A run of which the test decides what happens next."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.config = settings.config()
        self.now_s = 1_000_000.0
        self.path = Path(tempfile.mkdtemp(dir=_FOLDER.name))
        shutil.copy(_template(), self.path / "store.db")
        self._databases: list[MortalDatabase] = []
        self.store = Store(self._open())
        self.store.run.set_targets(iterations=settings.target)
        self.most_asked = settings.target
        self.trained: dict[int, int] = {}  # training set by version
        self.published_versions: list[int] = []
        self.samplers = [SamplerPlay(self.store, f"sampler-{number}") for number in (1, 2)]
        self.driver = self._start_driver()

    def close(self) -> None:
        self.driver.kill()
        for database in self._databases:
            database.close()
        shutil.rmtree(self.path)

    # ---------------------------------------------------------------- what happens

    def poll(self, moments_left: int | None = None) -> None:
        """Let the driver run to its next poll, or be killed on the way; one that has ended is started again."""
        if self.driver.end is not None:
            self.store.run.set_desired(DesiredState.RUNNING)
            self.driver = self._start_driver()
        self.driver.advance(moments_left)

    def ask_for_more(self, iterations: int) -> None:
        """Kill the driver, and ask for so many iterations beyond those that are done."""
        self.driver.kill()
        target = self.published + iterations
        self.store.run.set_targets(iterations=target)
        self.most_asked = max(self.most_asked, target)

    def go_on(self) -> None:
        """Let everyone do what is due for them, once."""
        self.poll()
        for sampler in self.samplers:
            sampler.write(len(sampler.work))
            sampler.swap()
            sampler.lease(3, self.settings.swap_wait_s)
        self.now_s += 5.0

    def finish(self) -> None:
        """Let everything go on undisturbed until the driver has finished."""
        self.store.run.set_desired(DesiredState.RUNNING)
        for _ in range(POLLS_LIMIT):
            self.go_on()
            if self.driver.end == "finished":
                return
        raise AssertionError(f"the run does not finish: {self.driver.describe()}")

    # ---------------------------------------------------------------- what must hold at any time

    @property
    def published(self) -> int:
        """The last iteration whose policy is published, -1 before the warm start."""
        policies = [policy for policy in self.store.policies.all() if policy.parent is not None]
        return len(policies) - (1 if self.settings.has_warm_start else 0)

    def check_the_gate(self) -> None:
        opened = [iteration.number for iteration in self.store.iterations.all()]
        last = max(opened, default=0)
        assert opened == list(range(1, last + 1))
        assert last <= max(self.most_asked, 0)
        assert last == 0 or last <= self.published + 1 + self.settings.lead

    # ---------------------------------------------------------------- what must hold at the end

    def check_the_end(self) -> None:
        self._check_iterations()
        self._check_rollouts()
        self._check_policies()
        self._check_evaluations()
        self._check_tracking()
        if self.settings.mode == "self_training":
            self._check_lag()
            if self.config.iteration.required_quorum == 1 and self.settings.lead == 0:
                assert schedule(self.store) == self._one_after_the_other(len(schedule(self.store)))

    def _check_iterations(self) -> None:
        target = self.store.run.state().target_iterations
        iterations = self.store.iterations.all()
        closed = {one.number: one.metrics["policy_version"] for one in iterations if one.closed_at is not None}
        trained = {policy.iteration: policy.version for policy in self.store.policies.all() if policy.iteration}
        assert sorted(closed) == list(range(1, (target or 0) + 1))
        assert closed == trained

    def _check_rollouts(self) -> None:
        per_assignment = Counter(one.assignment_id for one in self.store.rollouts.iterate(purpose=Purpose.TRAIN))
        for iteration in self.store.iterations.all():
            if iteration.closed_at is not None and self.settings.mode == "self_training":
                expected = min(self.settings.problems, TRAIN_PROBLEMS) * SAMPLES
                assert iteration.done == iteration.scheduled == expected
        varies = self.settings.rule == "by_difficulty"  # attempts are spread by what they are worth
        assert varies or set(per_assignment.values()) <= {SAMPLES} or self._has_work_beyond_the_target()

    def _has_work_beyond_the_target(self) -> bool:
        return self.most_asked > (self.store.run.state().target_iterations or 0)

    def _check_policies(self) -> None:
        policies = self.store.policies.all()
        first = 0 if self.settings.has_warm_start else 1
        assert [policy.iteration for policy in policies[1:]] == list(range(first, self.published + 1))
        versions = [policy.version for policy in policies[1:]]
        assert self.published_versions == versions
        assert {policy.version: policy.training_set_id for policy in policies[1:]}.items() <= self.trained.items()
        undecided = {policy.version for policy in policies if policy.decision is None}
        assert undecided == (set() if self.settings.measures_base else {0})
        promoted = self.store.policies.promoted()
        if promoted is not None:
            assert promoted.decision is Decision.PROMOTED

    def _check_evaluations(self) -> None:
        """Each decided policy has the answers of its own attempts, once; the promoted one may still be measured on."""
        promoted = self.store.policies.promoted()
        unfinished = {one.policy_version for one in self.store.evaluations.unfinished()}
        assert unfinished <= {promoted.version if promoted else None}
        for policy in self.store.policies.all():
            if policy.decision is not None:
                answers = self.store.evaluations.benchmark_answers(policy.version, "heldout")
                assert self.settings.heldout <= len(answers) <= HELDOUT_PROBLEMS
                assert all(len(attempts) == 1 for attempts in answers.values())
        for rollout in self.store.rollouts.iterate(purpose=Purpose.EVAL):
            assert len({span.version for span in rollout.spans}) == 1

    def _check_tracking(self) -> None:
        """Trackers get every policy that was decided on, once and in order, with its iteration's figures."""
        points = policy_points(self.store, after=-1, measures_base=self.settings.measures_base)
        decided = [policy for policy in self.store.policies.all() if policy.decision is not None]
        assert [point.step for point in points] == [policy.version for policy in decided]
        with_figures = [point.values["iteration"] for point in points if "rollouts/total" in point.values]
        assert with_figures == [policy.iteration for policy in decided if policy.iteration]

    def _check_lag(self) -> None:
        """An iteration is trained on from the policy of the one before; no attempt is older than the lead allows."""
        trained_by = {policy.version: policy.iteration or 0 for policy in self.store.policies.all()}
        for iteration in self.store.iterations.all():
            for rollout in self.store.rollouts.iterate(purpose=Purpose.TRAIN, iteration=iteration.number):
                oldest = min(trained_by[span.version] for span in rollout.spans)
                lag = max(0, iteration.number - 1 - oldest)
                assert rollout.lag == lag <= self.settings.lead

    def _one_after_the_other(self, iterations: int) -> dict[int, list[str]]:
        """The schedule of a run that opens an iteration once the one before is sampled to the end."""
        settings = self.config.iteration
        path = self.path / "reference.db"
        shutil.copy(_template(), path)
        with Store.open(f"sqlite:///{path}") as store:
            for number in range(1, iterations + 1):
                store.iterations.open(number, 0)
                sampling = Sampling(settings.temperature, settings.top_p)
                seed = self.config.seed + number
                store.iterations.schedule(number, settings.problems, SAMPLES, sampling, settings.scheduling, seed)
                leased = store.assignments.lease("all", 1000, 60.0).assignments
                store.rollouts.add(rollout_of(one, sample, ()) for one in leased for sample in one.pending)
            return schedule(store)

    # ---------------------------------------------------------------- parts

    def _open(self) -> MortalDatabase:
        engine = connect(parse_url(f"sqlite:///{self.path / 'store.db'}"), create=False)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        engine.dispose()  # the connection that was tried; the next ones do not wait for the disk
        self._databases.append(MortalDatabase(engine, clock=lambda: self.now_s))
        return self._databases[-1]

    def _start_driver(self) -> DriverPlay:
        def group(give_turn: Callable[[], None]) -> GroupPlay:
            return GroupPlay([one.name for one in self.samplers], self._held, give_turn)

        def learner() -> LearnerPlay:
            return LearnerPlay(self.store.policies.require_latest().pointer, self.trained, self.published_versions)

        return DriverPlay(self._open(), self.config, RunFolder(self.path), group, learner)

    def _held(self, name: str) -> int:
        return next(len(sampler.work) for sampler in self.samplers if sampler.name == name)


def schedule(store: Store) -> dict[int, list[str]]:
    """The problems of each iteration, in the order in which they are leased."""
    found: dict[int, list[str]] = {}
    columns = select(AssignmentRow.iteration, AssignmentRow.problem_id).where(AssignmentRow.iteration.is_not(None))
    with store._database.read() as session:
        for number, problem in session.execute(columns.order_by(AssignmentRow.id)):
            found.setdefault(number or 0, []).append(problem)
    return found


@cache
def _template() -> Path:
    """A store with problems, a demonstration and the base policy."""
    path = Path(_FOLDER.name) / "template.db"
    with Store.open(f"sqlite:///{path}") as store:
        splits = [Split.TRAIN] * TRAIN_PROBLEMS + [Split.HELDOUT] * HELDOUT_PROBLEMS
        store.problems.add(
            Problem(f"p{number}", f"What is {number}?", "1", "test", split, f"k{number}")
            for number, split in enumerate(splits)
        )
        ids = {"prompt_ids": (1,), "token_ids": (2,), "model_mask": (True,)}
        demonstration = Rollout(
            "demo-1", "p0", Purpose.DEMONSTRATION, Outcome.ACCEPTED, "tir", **ids, answer="1"  # type: ignore[arg-type]
        )  # fmt: skip
        store.rollouts.add([demonstration])
        store.policies.add(Policy(0, None, "v0", iteration=0))
    return path
