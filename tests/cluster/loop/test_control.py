"""Control of a loop: a pause is reported once nothing is under way; until then the status says what it waits for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.loop.control import Control, Operator
from cluster.loop.progress import NullProgress
from learner.directive import Directive
from store.runs.run_state import ActualState, DesiredState
from store.store import Store


class Screen(NullProgress):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.run.set_actual(ActualState.RUNNING)
        yield store


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def control(store: Store, screen: Screen) -> Control:
    return Control(store.run, Operator(progress=screen))


def actual(store: Store) -> ActualState:
    return store.run.state().actual


@pytest.mark.parametrize(
    ("desired", "directive"),
    [
        (DesiredState.RUNNING, Directive.RUN),
        (DesiredState.PAUSED, Directive.PAUSE),
        (DesiredState.STOPPED, Directive.STOP),
    ],
)
def test_the_directive_is_what_the_store_desires(
    store: Store, control: Control, desired: DesiredState, directive: Directive
) -> None:
    store.run.set_desired(desired)
    assert control.directive() is directive


def test_a_stop_by_the_operator_comes_before_a_pause(store: Store) -> None:
    store.run.set_desired(DesiredState.PAUSED)
    assert Control(store.run, Operator(stop_requested=lambda: True)).directive() is Directive.STOP


def test_a_run_that_is_not_told_anything_waits_for_nothing(control: Control) -> None:
    assert control.apply(Directive.RUN, 7, is_learning=True) is None


def test_a_pause_waits_for_attempts_under_way_and_says_so(store: Store, control: Control) -> None:
    assert control.apply(Directive.PAUSE, 7, is_learning=False) == "pausing: waits for 7 attempts under way"
    assert actual(store) is ActualState.RUNNING
    assert control.apply(Directive.PAUSE, 0, is_learning=False) == "paused"
    assert actual(store) is ActualState.PAUSED


def test_a_pause_waits_for_the_learners_step(store: Store, control: Control) -> None:
    assert control.apply(Directive.PAUSE, 0, is_learning=True) == "pausing: waits for the learner's step"
    assert actual(store) is ActualState.RUNNING
    assert (
        control.apply(Directive.PAUSE, 2, is_learning=True)
        == "pausing: waits for 2 attempts under way and the learner's step"
    )


def test_a_pause_is_reported_once(store: Store, control: Control, screen: Screen) -> None:
    for _ in range(3):
        assert control.apply(Directive.PAUSE, 0, is_learning=False) == "paused"
    assert screen.notes == ["paused; `automathes resume` continues"]


def test_a_resumed_run_is_running_again(store: Store, control: Control, screen: Screen) -> None:
    control.apply(Directive.PAUSE, 0, is_learning=False)
    assert control.apply(Directive.RUN, 0, is_learning=False) is None
    assert actual(store) is ActualState.RUNNING
    assert screen.notes[1:] == ["resumed"]


def test_a_stop_waits_for_the_learners_step_and_for_no_attempt(store: Store, control: Control) -> None:
    assert control.apply(Directive.STOP, 7, is_learning=True) == "stopping: waits for the learner's step"
    assert control.apply(Directive.STOP, 7, is_learning=False) == "stopping"
    assert actual(store) is ActualState.RUNNING, "the command reports the end"
