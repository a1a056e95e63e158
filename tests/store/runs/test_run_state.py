import pytest

from store.runs.run_state import ActualState, DesiredState, RunState


def test_a_new_store_is_asked_to_run_and_new(store):
    assert store.run.state() == RunState(DesiredState.RUNNING, ActualState.NEW, None, None, None)


def test_the_driver_says_where_it_is_and_the_command_line_what_it_should_do(store, clock):
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
