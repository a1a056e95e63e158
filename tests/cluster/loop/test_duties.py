"""What the driver does at its polls, in the order in which a run meets it: the loop's own code on a real store."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from store.records import Decision, Purpose
from store.runs.run_state import ActualState, DesiredState

from .played.run import PlayedRun, Settings

PLAIN = Settings(
    lead=0,
    quorum=None,
    target=2,
    problems=3,
    rule="fewest_attempts_first",
    measures_base=False,
    heldout=2,
    budget=0,
    promotion="always",
    has_warm_start=True,
    mode="self_training",
    swap_wait_s=20.0,
)
POLLS = 100

type Start = Callable[..., PlayedRun]


@pytest.fixture
def start() -> Iterator[Start]:
    runs: list[PlayedRun] = []

    def start(**changes: Any) -> PlayedRun:
        runs.append(PlayedRun(replace(PLAIN, **changes)))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def go_on(run: PlayedRun, reached: Callable[[], bool]) -> None:
    """Let everyone work until it is reached."""
    for _ in range(POLLS):
        if reached():
            return
        run.go_on()
    raise AssertionError(run.driver.describe())


def poll(run: PlayedRun, reached: Callable[[], bool]) -> None:
    """Let the driver alone go on until it is reached."""
    for _ in range(POLLS):
        if reached():
            return
        run.poll()
    raise AssertionError(run.driver.describe())


def opened(run: PlayedRun) -> list[int]:
    return [iteration.number for iteration in run.store.iterations.all()]


def sample(run: PlayedRun, attempts: int, purpose: Purpose | None = None) -> None:
    """Let one sampler, with the latest policy, make so many attempts."""
    sampler = run.samplers[0]
    sampler.restart(releases=True)
    leased = run.store.assignments.lease(sampler.name, attempts, 60.0, sampler.held, purpose).assignments
    sampler.take(leased)
    sampler.write(attempts)


def test_a_run_goes_from_the_warm_start_to_its_last_iteration(start: Start) -> None:
    run = start()
    run.finish()
    run.check_the_end()
    assert run.published_versions == [1, 2, 3]


def test_an_iteration_is_opened_while_the_learner_trains_on_the_one_before(start: Start) -> None:
    run = start(lead=1, target=3)
    go_on(run, lambda: 2 in run.trained)
    assert run.published == 0
    assert opened(run) == [1, 2]


def test_without_lead_nothing_is_opened_while_the_learner_trains(start: Start) -> None:
    run = start()
    go_on(run, lambda: 2 in run.trained)
    assert (run.published, opened(run)) == (0, [1])


def test_the_learner_does_not_wait_for_a_measurement(start: Start) -> None:
    run = start()
    poll(run, lambda: opened(run) == [1])
    sample(run, 6, Purpose.TRAIN)
    poll(run, lambda: run.published == 1)
    assert [policy.decision for policy in run.store.policies.all()] == [None] * 3
    assert {one.policy_version for one in run.store.evaluations.unfinished()} >= {1}
    run.poll()
    assert opened(run) == [1, 2]


def test_the_learner_waits_for_a_quorum_and_stragglers_are_made_later(start: Start) -> None:
    run = start(quorum=0.5, target=1)
    poll(run, lambda: opened(run) == [1])
    sample(run, 2, Purpose.TRAIN)
    for _ in range(5):
        run.poll()
    assert 2 not in run.trained
    sample(run, 1, Purpose.TRAIN)
    poll(run, lambda: run.published == 1)
    run.finish()
    run.check_the_end()


def test_a_pause_waits_for_attempts_under_way_and_then_nothing_is_leased(start: Start) -> None:
    run = start()
    poll(run, lambda: opened(run) == [1])
    sampler = run.samplers[0]
    sampler.restart(releases=True)
    sampler.lease(2, 20.0)
    run.store.run.set_desired(DesiredState.PAUSED)
    poll(run, lambda: "pausing: waits for 2 attempts under way" in run.driver.describe())
    assert run.store.run.state().actual is not ActualState.PAUSED
    sampler.write(2)
    poll(run, lambda: run.store.run.state().actual is ActualState.PAUSED)
    sampler.lease(6, 20.0)
    assert not sampler.work
    run.finish()
    run.check_the_end()


def test_a_pause_while_the_learner_trains_holds_it_between_two_steps(start: Start) -> None:
    run = start()
    go_on(run, lambda: 2 in run.trained)
    run.store.run.set_desired(DesiredState.PAUSED)
    poll(run, lambda: run.store.run.state().actual is ActualState.PAUSED)
    for _ in range(5):
        run.poll()
    assert run.published == 0
    run.finish()
    assert run.store.run.state().actual is ActualState.RUNNING
    run.check_the_end()


def test_a_stop_while_the_learner_trains_ends_at_a_step_and_the_training_is_continued(start: Start) -> None:
    run = start()
    go_on(run, lambda: 2 in run.trained)
    run.store.run.set_desired(DesiredState.STOPPED)
    poll(run, lambda: run.driver.end is not None)
    assert (run.driver.end, run.published) == ("stopped", 0)
    run.finish()
    assert sorted(run.trained) == [1, 2, 3], "no training was begun anew"
    run.check_the_end()


def test_a_policy_that_was_published_and_not_recorded_is_used_as_it_is(start: Start) -> None:
    run = start()
    poll(run, lambda: run.published_versions == [1])
    run.driver.kill()
    assert run.store.policies.require_latest().version == 0
    run.poll()
    assert run.store.policies.require_latest().version == 1
    run.finish()
    run.check_the_end()


def test_a_run_is_measured_to_the_end_before_it_finishes(start: Start) -> None:
    run = start(target=0)
    poll(run, lambda: run.published == 0)
    for _ in range(5):
        run.poll()
    assert run.driver.end is None
    run.finish()
    assert run.store.policies.get(1).decision is Decision.PROMOTED


def test_more_iterations_continue_a_run_that_was_finished(start: Start) -> None:
    run = start(target=1)
    run.finish()
    run.ask_for_more(2)
    run.finish()
    assert opened(run) == [1, 2, 3]
    run.check_the_end()
