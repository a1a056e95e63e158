"""The candidates of a training set are scored by a value model in a Ray actor before it chooses among them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.config.loading import load_config
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.config.value_models import require_value_model, value_folder
from cluster.loop.control import Operator, StopRequested
from cluster.loop.iteration import valuing
from cluster.loop.iteration.context import LoopContext, Phases
from cluster.loop.iteration.valuing import Valuing
from cluster.loop.progress import NullProgress
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import (
    Assignment,
    Outcome,
    Policy,
    Problem,
    Purpose,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.settings import SelectionSettings
from store.store import Store
from tests.value_models import make_value_model

pytestmark = pytest.mark.usefixtures("ray_session")

BASE = TinyLlama(vocabulary_size=300, hidden_size=32, num_layers=2, intermediate_size=64, num_heads=2, num_kv_heads=1)
PROBLEMS, SAMPLES = 3, 4
BY_VALUE = SelectionSettings(prefer="value", max_per_problem=1)


class Noted(NullProgress):
    """The notes of a run."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Run:
    """A run with accepted attempts at three problems, four of each, and a policy; `polls` counts."""

    def __init__(self, path: Path) -> None:
        self.config = load_config("demo", None, [])
        self.folder = RunFolder(path)
        path.mkdir()
        self.store = Store.open(self.folder.store_url(self.config))
        self.base = Path(str(self.folder.policy(0)))
        make_base(BASE, self.base, ["What is 1 + 2? print(1 + 2)"], self.config.storage)
        self.store.policies.add(Policy(0, None, str(self.base)))
        self._add_attempts()
        self.progress, self.polls = Noted(), 0
        self.on_poll: Callable[[], None] = lambda: None
        operator, none = Operator(progress=self.progress), cast(Any, None)
        context = LoopContext(
            run=self.config, folder=self.folder, store=self.store, fleet=none, operator=operator,
            phases=Phases(operator), control=none, tracking=none,
        )  # fmt: skip
        self.valuing = Valuing(context, self._poll)

    def add_value_model(self, make: Callable[[Path, Path], object]) -> None:
        """Record a value model that `make` makes of the base policy in its folder."""
        model = self.store.values.begin(0, {}, SelectionSettings(demonstrations=False))
        folder = Path(str(value_folder(self.folder, model.version)))
        make(self.base, folder)
        self.store.values.publish(model.version, str(folder), "", {})

    def selected(self, selection: SelectionSettings) -> list[str]:
        """The rollouts of a training set, by id."""
        training_set = self.store.training_sets.select(1, selection)
        return sorted(rollout.id for rollout in self.store.training_sets.samples(training_set))

    def _add_attempts(self) -> None:
        store = self.store
        store.problems.add(
            Problem(f"p{n}", f"What is {n}?", "1", "test", Split.TRAIN, f"p{n}") for n in range(PROBLEMS)
        )
        store.iterations.open(1, 0)
        store.iterations.schedule(1, PROBLEMS, SAMPLES, Sampling())
        for assignment in store.assignments.lease("a", 1000, 60).assignments:
            for sample in assignment.pending:
                store.rollouts.add([self._attempt(assignment, sample)])

    @staticmethod
    def _attempt(assignment: Assignment, sample: int) -> Rollout:
        return Rollout(
            rollout_id(assignment.id, sample),
            assignment.problem.id,
            Purpose.TRAIN,
            Outcome.ACCEPTED,
            "tir",
            (5, 6),
            (10 + assignment.id, 20 + sample, 30),
            (True,) * 3,
            segments=(Segment(SegmentKind.CODE, f"print({sample})"),),
            answer="1",
            assignment_id=assignment.id,
        )

    def _poll(self) -> None:
        self.polls += 1
        self.on_poll()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    run = Run(tmp_path / "run")
    yield run
    run.store.close()


def test_candidates_are_scored_once_and_the_best_are_selected(run: Run) -> None:
    run.add_value_model(make_value_model)
    resolved = run.valuing.resolve(BY_VALUE)
    assert resolved.value_model == 1
    assert run.progress.notes == []
    assert run.polls > 0
    assert run.store.values.contenders(resolved) == []
    chosen = run.selected(resolved)
    assert len(chosen) == PROBLEMS
    assert chosen != run.selected(SelectionSettings(max_per_problem=1)), "the newest"
    run.polls = 0
    assert run.valuing.resolve(BY_VALUE) == resolved
    assert run.polls == 0, "nothing is left to score"


def test_a_value_model_that_fails_lets_the_newest_be_selected(run: Run) -> None:
    run.add_value_model(shutil.copytree)  # a policy, not a value model
    resolved = run.valuing.resolve(BY_VALUE)
    [note] = run.progress.notes
    assert "value model 1 does not choose this time" in note
    assert "is no value model" in note
    assert resolved == SelectionSettings(max_per_problem=1), "the newest"


def test_without_a_value_model_the_newest_are_selected_and_it_is_said(run: Run) -> None:
    assert run.valuing.resolve(BY_VALUE) == SelectionSettings(max_per_problem=1)
    assert "`automathes value train` trains one" in run.progress.notes[0]
    assert run.valuing.resolve(SelectionSettings()) == SelectionSettings()
    assert len(run.progress.notes) == 1


def test_a_stop_is_heard_while_the_value_model_is_loaded(run: Run) -> None:
    def stop() -> None:
        raise StopRequested

    run.add_value_model(make_value_model)
    run.on_poll = stop
    with pytest.raises(StopRequested):
        run.valuing.resolve(BY_VALUE)
    assert len(run.store.values.contenders(BY_VALUE.model_copy(update={"value_model": 1}))) == PROBLEMS * SAMPLES


def test_a_silent_value_model_is_not_waited_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(valuing, "_SILENCE_S", 0.0)
    run.add_value_model(shutil.copytree)
    run.valuing.resolve(BY_VALUE)
    assert "nothing from it for" in run.progress.notes[0]


def test_a_named_value_model_that_is_missing_is_refused(run: Run) -> None:
    require_value_model(run.store, SelectionSettings())
    require_value_model(run.store, BY_VALUE)
    with pytest.raises(
        ConfigError, match=r"selection\.value_model 3: the run has no such value model; it has none yet"
    ):
        require_value_model(run.store, BY_VALUE.model_copy(update={"value_model": 3}))
