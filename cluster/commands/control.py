"""`automathes pause`, `resume` and `stop`: what is asked of the driver of a run."""

import time
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.loop.heartbeat import BEAT_S
from cluster.loop.run_status import DEAD, WORKING, heartbeat_age_s, judge
from store.runs.run_state import ActualState, DesiredState, RunState
from store.store import Store

_HEARD_LATELY_S = 3 * BEAT_S


def ask(runs: Path, run: Path | None, desired: str) -> str:
    """Asks the driver of a run to run, to pause or to stop; returns a line on what happens now.

    Stopping a run that does not run is no mistake: it is what was wanted.

    Raises:
        ConfigError: there is no such run, or nobody drives it who could pause it or go on.
    """
    folder = find_run_folder(runs, run)
    config = folder.read_config()
    name = folder.path.name
    with Store.open(folder.store_url(config), create=False) as store:
        before = store.run.state()
        state = judge(before, time.time())
        if state not in WORKING:
            return _answer_undriven(name, state, DesiredState(desired))
        store.run.set_desired(desired)
    return _answer_driven(name, before, DesiredState(desired))


def _answer_driven(name: str, before: RunState, desired: DesiredState) -> str:
    will = {
        DesiredState.PAUSED: "pauses when the rollouts under way are written; `automathes resume` lets it go on",
        DesiredState.RUNNING: "goes on",
        DesiredState.STOPPED: "stops at its next safe point; `automathes run --resume` goes on with it",
    }[desired]
    if desired is DesiredState.RUNNING and before.desired is DesiredState.RUNNING:
        will = "was not paused and goes on"
    age_s = heartbeat_age_s(before, time.time())
    if age_s <= _HEARD_LATELY_S:
        return f"run {name} {will}"
    return f"run {name} was asked and {will}, once it is heard of again: its driver has been silent for {age_s:.0f} s"


def _answer_undriven(name: str, state: str, desired: DesiredState) -> str:
    said = {
        DEAD: "its driver died",
        ActualState.NEW: "it has not started yet",
        ActualState.STOPPED: "it is stopped",
        ActualState.FAILED: "it failed",
    }[state]
    how = "`automathes run --resume` goes on with it"
    if desired is DesiredState.STOPPED:
        return f"run {name} does not run ({said}); {how}"
    verb = "paused" if desired is DesiredState.PAUSED else "resumed"
    raise ConfigError(f"run {name} cannot be {verb}: nobody drives it ({said}). {how}")
