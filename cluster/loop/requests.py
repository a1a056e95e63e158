"""Requests to a run, by the command line or over HTTP: they are written to its store, which its driver obeys."""

import time

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.loop.run_status import ACTIVE, DEAD, SILENT, current_state, heartbeat_age_s
from cluster.loop.supervision.heartbeat import BEAT_S
from store.runs.run_state import ActualState, DesiredState, RunState
from store.store import Store

_RECENT_S = 3 * BEAT_S
_RESUME = "`automathes run --resume` continues it"


class NotDrivenError(ConfigError):
    """The run has no driver that could pause or resume it."""


def request_state(store: Store, name: str, desired: DesiredState, folder: RunFolder | None = None) -> str:
    """Set the desired state of the run `name`, unless it has no driver; returns a line that says what happens next.

    A request that was made before is none the worse. Stopping a run without a driver is no error: it is stopped
    already. With `folder`, a driver of this machine that cannot write to the store is told all the same.

    Raises:
        NotDrivenError: it has no driver that could pause or resume it.
    """
    before = store.run.state()
    state = current_state(before, time.time(), folder)
    if state not in (*ACTIVE, SILENT):
        return _undriven(name, state, desired)
    store.run.set_desired(desired)
    return _driven(name, before, desired)


def request_samplers(store: Store, name: str, samplers: int, folder: RunFolder | None = None) -> str:
    """Set the number of samplers of the run `name`; returns a line that says when it takes effect.

    Raises:
        ConfigError: the number is 0.
    """
    if samplers < 1:
        raise ConfigError("a run needs at least one sampler; `automathes pause` pauses it")
    store.run.set_targets(samplers=samplers)
    state = current_state(store.run.state(), time.time(), folder)
    when = "now" if state in ACTIVE else "when it is resumed"
    return f"run {name} will have {samplers} samplers {when}"


def _driven(name: str, before: RunState, desired: DesiredState) -> str:
    effect = {
        DesiredState.PAUSED: "will pause once the attempts under way are stored and the learner has finished its step; "
        "`automathes resume` continues it",
        DesiredState.RUNNING: "continues",
        DesiredState.STOPPED: "will stop at the end of the learner's step, or at once if it does not train; " + _RESUME,
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
    if desired is DesiredState.STOPPED:
        return f"run {name} is not running ({reason}); {_RESUME}"
    verb = "paused" if desired is DesiredState.PAUSED else "resumed"
    raise NotDrivenError(f"run {name} cannot be {verb}: it is not running ({reason}). {_RESUME}")
