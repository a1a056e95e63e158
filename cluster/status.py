"""Where a run stands, by its store, and what is asked of it: `automathes status`, `pause`, `resume` and `stop`."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster.config import ConfigError, RunConfig
from cluster.run_folder import RunFolder, find_run_folder
from eval.metrics import standard_error
from store.iterations import Iteration
from store.run_state import ActualState, DesiredState, RunState
from store.store import Store

DEAD = "dead"
"""What the state of a run is called whose driver says that it works and is not heard of any more."""

_HEARD_LATELY_S = 15.0  # while it samples or learns, a driver is heard about twice a second
_SILENCE_S = 60.0  # publishing and handing out a policy take a while, in which it is silent
_REFRESH_S = 2.0
_WORKING = (ActualState.STARTING, ActualState.RUNNING, ActualState.PAUSED)


@dataclass(frozen=True, slots=True)
class Status:
    """A run in numbers. The names of the fields are those of `automathes status --json`."""

    run: str
    state: str
    desired_state: str
    activity: str | None
    heartbeat_age_s: float | None
    iteration: int
    iterations_done: int
    iterations_configured: int
    progress: Mapping[str, int] | None
    policy: Mapping[str, int | None]
    problems: Mapping[str, int]
    reviews: Mapping[str, int]
    demonstrations: int
    rollouts: Mapping[str, Any]
    executions: Mapping[str, Any]
    evaluations: tuple[Mapping[str, Any], ...]
    iterations: tuple[Mapping[str, Any], ...]
    policies: tuple[Mapping[str, Any], ...]
    store_url: str
    checkpoint: str | None


def show_status(runs: Path, run: Path | None, *, as_json: bool, watch: bool) -> int:
    """Prints where a run stands, for people or as JSON; with `watch` again and again until Ctrl-C, an object a line.

    Raises:
        ConfigError: there is no such run.
        StoreError: its store cannot be read.
    """
    folder = find_run_folder(runs, run)
    config = folder.read_config()
    with Store.open(folder.store_url(config), create=False) as store:
        if not as_json:
            from cluster.status_screen import show

            show(lambda: read_status(store, folder, config), refresh_s=_REFRESH_S if watch else None)
            return 0
        if not watch:
            print(json.dumps(asdict(read_status(store, folder, config)), indent=2))  # noqa: T201
            return 0
        try:
            while True:
                print(json.dumps(asdict(read_status(store, folder, config))), flush=True)  # noqa: T201
                time.sleep(_REFRESH_S)
        except KeyboardInterrupt:
            return 0  # the way to end it


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
        before = store.run_state()
        state = judge(before, config, time.time())
        if state not in _WORKING:
            return _answer_undriven(name, state, DesiredState(desired))
        store.set_desired_state(desired)
    return _answer_driven(name, before, DesiredState(desired))


def judge(state: RunState, config: RunConfig, now_s: float) -> str:
    """What the driver says that it does, or `dead`: it says that it works and was silent for too long.

    A driver that starts is silent until models are loaded, which may take as long as is configured for that.
    """
    if state.actual not in _WORKING:
        return state.actual.value
    allowed_s = _SILENCE_S + (config.ray.start_timeout_s if state.actual is ActualState.STARTING else 0.0)
    return DEAD if _age_s(state, now_s) > allowed_s else state.actual.value


def read_status(store: Store, folder: RunFolder, config: RunConfig) -> Status:
    """Where the run stands at this moment."""
    run_state, stats, now_s = store.run_state(), store.stats(), time.time()
    state = judge(run_state, config, now_s)
    latest, promoted = store.latest(), store.promoted()
    open_one = next((i for i in stats.iterations if i.closed_at is None), None)
    done = sum(i.closed_at is not None for i in stats.iterations)
    return Status(
        run=str(folder.path),
        state=state,
        desired_state=run_state.desired.value,
        activity=_activity(store, open_one) if state == ActualState.RUNNING else None,
        heartbeat_age_s=None if run_state.heartbeat_at is None else round(_age_s(run_state, now_s), 1),
        iteration=open_one.number if open_one else done,
        iterations_done=done,
        iterations_configured=config.iteration.count,
        progress={"done": open_one.done, "scheduled": open_one.scheduled} if open_one else None,
        policy={
            "version": latest.version if latest else None,
            "promoted_version": promoted.version if promoted else None,
        },
        problems=dict(stats.problems),
        reviews=store.review_counts(),
        demonstrations=stats.demonstrations.total,
        rollouts={
            "total": stats.train.total,
            "accepted": stats.train.accepted,
            "by_outcome": dict(stats.train.by_outcome),
        },
        executions={"total": stats.executions_total, "by_status": dict(stats.executions)},
        evaluations=_evaluations(store),
        iterations=tuple(_iteration(iteration) for iteration in stats.iterations),
        policies=_policies(store),
        store_url=store.masked_url,
        checkpoint=run_state.checkpoint,
    )


def _evaluations(store: Store) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "policy_version": figure.policy_version,
            "benchmark": figure.benchmark,
            "metric": figure.metric,
            "value": figure.value,
            "standard_error": round(standard_error(figure.value, figure.n), 5),
            "n": figure.n,
        }
        for figure in store.evaluations()
    )


def _iteration(iteration: Iteration) -> Mapping[str, Any]:
    return {
        "number": iteration.number,
        "sampled_with_version": iteration.policy_version,
        "scheduled": iteration.scheduled,
        "done": iteration.done,
        "closed": iteration.closed_at is not None,
        "metrics": dict(iteration.metrics),
    }


def _policies(store: Store) -> tuple[Mapping[str, Any], ...]:
    promotions = store.promotions()
    return tuple(
        {
            "version": policy.version,
            "parent": policy.parent,
            "path": policy.path,
            "promoted": policy.promoted,
            "was_promoted": policy.version in promotions,
        }
        for policy in store.policies()
    )


def _activity(store: Store, open_one: Iteration | None) -> str:
    """What a run that runs is at, as far as its store shows it."""
    latest = store.latest()
    for evaluation in store.unfinished_evaluations():
        if latest is not None and evaluation.policy_version == latest.version:
            done, total = store.evaluation_progress(evaluation.id)
            return f"measuring policy v{latest.version} ({done} of {total})"
    if open_one is not None and open_one.done < open_one.scheduled:
        return f"sampling ({open_one.done} of {open_one.scheduled})"
    warms_up = latest is None or latest.parent is None
    return "learning" if open_one is not None or warms_up else "between iterations"


def _age_s(state: RunState, now_s: float) -> float:
    return float("inf") if state.heartbeat_at is None else max(now_s - state.heartbeat_at, 0.0)


def _answer_driven(name: str, before: RunState, desired: DesiredState) -> str:
    will = {
        DesiredState.PAUSED: "pauses when the rollouts under way are written; `automathes resume` lets it go on",
        DesiredState.RUNNING: "goes on",
        DesiredState.STOPPED: "stops at its next safe point; `automathes run --resume` goes on with it",
    }[desired]
    if desired is DesiredState.RUNNING and before.desired is DesiredState.RUNNING:
        will = "was not paused and goes on"
    age_s = _age_s(before, time.time())
    if age_s <= _HEARD_LATELY_S:
        return f"run {name} {will}"
    return (
        f"run {name} was asked and {will}, once it is heard of again: its driver has been silent for {age_s:.0f} s, "
        "as it is while models start or a policy is written"
    )


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
