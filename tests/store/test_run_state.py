import pytest

from store.run_state import ActualState, DesiredState, RunState


def test_a_new_store_is_asked_to_run_and_new(store):
    assert store.run_state() == RunState(DesiredState.RUNNING, ActualState.NEW, None, None, None)


def test_the_driver_says_where_it_is_and_the_command_line_what_it_should_do(store, clock):
    store.set_actual_state("running", iteration=3, checkpoint="checkpoints/3")
    store.set_desired_state("paused")
    clock.now_s += 5
    store.set_actual_state(ActualState.PAUSED)
    assert store.desired_state() is DesiredState.PAUSED
    assert store.run_state() == RunState(DesiredState.PAUSED, ActualState.PAUSED, 3, "checkpoints/3", clock.now_s)
    clock.now_s += 5
    store.heartbeat()
    assert store.run_state().heartbeat_at == clock.now_s


def test_a_state_that_does_not_exist_is_refused(store):
    with pytest.raises(ValueError, match="sleeping"):
        store.set_desired_state("sleeping")
