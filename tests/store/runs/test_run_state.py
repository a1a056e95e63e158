import pytest

from store.runs.run_state import ActualState, DesiredState, RunState


def test_the_state_of_a_new_store_is_new_and_desired_running(store):
    assert store.run.state() == RunState(DesiredState.RUNNING, ActualState.NEW, None, None, None)


def test_the_driver_reports_its_state_and_the_command_line_sets_the_desired_one(store, clock):
    store.run.set_actual("running", iteration=3, checkpoint="checkpoints/3")
    store.run.set_desired("paused")
    clock.now_s += 5
    store.run.set_actual(ActualState.PAUSED)
    assert store.run.desired() is DesiredState.PAUSED
    assert store.run.state() == RunState(DesiredState.PAUSED, ActualState.PAUSED, 3, "checkpoints/3", clock.now_s)
    clock.now_s += 5
    store.run.heartbeat()
    assert store.run.state().heartbeat_at == clock.now_s


def test_a_state_that_does_not_exist_is_refused(store):
    with pytest.raises(ValueError, match="sleeping"):
        store.run.set_desired("sleeping")


def test_an_activity_is_dated_by_its_first_report(store, clock):
    store.run.heartbeat("sampling (3 of 9)")
    began_at = clock.now_s
    clock.now_s += 5
    store.run.heartbeat("sampling (3 of 9)")
    state = store.run.state()
    assert (state.activity, state.activity_since, state.heartbeat_at) == ("sampling (3 of 9)", began_at, clock.now_s)
    store.run.heartbeat("training")
    assert (store.run.state().activity, store.run.state().activity_since) == ("training", clock.now_s)
    clock.now_s += 5
    store.run.heartbeat()
    assert store.run.state().activity is None


def test_targets_stay_until_others_are_set(store):
    assert (store.run.state().target_iterations, store.run.state().target_samplers) == (None, None)
    store.run.set_targets(iterations=4)
    store.run.set_targets(samplers=2)
    assert (store.run.state().target_iterations, store.run.state().target_samplers) == (4, 2)
    store.run.set_targets()
    store.run.set_targets(iterations=9)
    assert (store.run.state().target_iterations, store.run.state().target_samplers) == (9, 2)
    store.run.set_desired("stopped")
    assert store.run.state().target_iterations == 9, "a stopped run goes on to what was asked for"
