"""`automathes pause`, `resume` and `stop`: set the desired state of a run, which its driver obeys."""

import argparse
import time
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_line
from cluster.loop.run_status import ACTIVE, DEAD, SILENT, current_state, heartbeat_age_s
from cluster.loop.supervision.heartbeat import BEAT_S
from store.runs.run_state import ActualState, DesiredState, RunState

_RECENT_S = 3 * BEAT_S


def control(arguments: argparse.Namespace) -> int:
    """Set the desired state of a run and print what happens next.

    Raises:
        ConfigError: there is no such run, or it has no driver that could pause or resume it.
    """
    print_line(set_desired_state(arguments.runs, arguments.run, arguments.desired))
    return 0


def set_desired_state(runs: Path, run: Path | None, desired: str) -> str:
    """Set the desired state of a run, unless it has no driver; returns a line that says what happens next.

    Stopping a run without a driver is no error: it is stopped already.

    Raises:
        ConfigError: there is no such run, or it has no driver that could pause or resume it.
    """
    folder = find_run_folder(runs, run)
    name = folder.path.name
    with folder.open_store(folder.read_config()) as store:
        before = store.run.state()
        state = current_state(before, time.time(), folder)
        if state not in (*ACTIVE, SILENT):
            return _undriven(name, state, DesiredState(desired))
        store.run.set_desired(desired)
    return _driven(name, before, DesiredState(desired))


def scale(arguments: argparse.Namespace) -> int:
    """Set the number of samplers of a run; a driver that is at work adds or removes them at once.

    Raises:
        ConfigError: there is no such run, or the number is 0.
    """
    if arguments.samplers < 1:
        raise ConfigError("--samplers 0: a run needs at least one sampler; `automathes pause` pauses it")
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        store.run.set_targets(samplers=arguments.samplers)
        state = current_state(store.run.state(), time.time(), folder)
    when = "now" if state in ACTIVE else "when it is resumed"
    print_line(f"run {folder.path.name} will have {arguments.samplers} samplers {when}")
    return 0


def _driven(name: str, before: RunState, desired: DesiredState) -> str:
    effect = {
        DesiredState.PAUSED: "will pause once the attempts under way are stored and the learner has finished its step; "
        "`automathes resume` continues it",
        DesiredState.RUNNING: "continues",
        DesiredState.STOPPED: "will stop at the end of the learner's step, or at once if it does not train; "
        "`automathes run --resume` continues it",
    }[desired]
    if desired is DesiredState.RUNNING and before.desired is DesiredState.RUNNING:
        effect = "is not paused and continues"
    age_s = heartbeat_age_s(before, time.time())
    if age_s <= _RECENT_S:
        return f"run {name} {effect}"
    return f"run {name} {effect}. Its driver is late: its last heartbeat was {age_s:.0f} s ago"


def _undriven(name: str, state: str, desired: DesiredState) -> str:
    reason = {
        DEAD: "its driver died",
        ActualState.NEW: "it has not started yet",
        ActualState.STOPPED: "it is stopped",
        ActualState.FAILED: "it failed",
    }[state]
    remedy = "`automathes run --resume` continues it"
    if desired is DesiredState.STOPPED:
        return f"run {name} is not running ({reason}); {remedy}"
    verb = "paused" if desired is DesiredState.PAUSED else "resumed"
    raise ConfigError(f"run {name} cannot be {verb}: it is not running ({reason}). {remedy}")
