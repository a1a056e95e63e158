"""The status of a run, by its store: driver, progress, policies, figures."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.alarms.faults import fault_warning
from cluster.loop.alarms.support import read_support
from cluster.loop.heartbeat import DEAD_AFTER_S
from eval.figure_text import error_of
from eval.support import support_alarm
from store.runs.iterations import Iteration
from store.runs.run_state import ActualState, RunState
from store.runs.statistics import StoreStatistics
from store.store import Store

DEAD = "dead"
"""The state of a run whose driver reports that it is active and whose heartbeat has stopped."""

ACTIVE = (ActualState.STARTING, ActualState.RUNNING, ActualState.PAUSED)
"""The states of a run that has a driver."""


@dataclass(frozen=True, slots=True)
class Status:
    """A run in numbers. The field names are the keys of `automathes status --json`."""

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
    faults: Mapping[str, Any]
    executions: Mapping[str, Any]
    evaluations: tuple[Mapping[str, Any], ...]
    iterations: tuple[Mapping[str, Any], ...]
    policies: tuple[Mapping[str, Any], ...]
    support: tuple[Mapping[str, Any], ...]
    support_alarm: str | None
    store_url: str
    checkpoint: str | None


def current_state(state: RunState, now_s: float) -> str:
    """The state that the driver reports, or `dead` if it reports an active one and its heartbeat has stopped."""
    has_stopped = heartbeat_age_s(state, now_s) > DEAD_AFTER_S
    return DEAD if state.actual in ACTIVE and has_stopped else state.actual.value


def read_status(store: Store, folder: RunFolder, config: RunConfig) -> Status:
    """The status of the run at this moment."""
    run_state, stats, now_s = store.run.state(), store.run.statistics(), time.time()
    state = current_state(run_state, now_s)
    latest, promoted = store.policies.latest(), store.policies.promoted()
    open_one = next((i for i in stats.iterations if i.closed_at is None), None)
    support = read_support(store, stats.iterations)
    done = sum(i.closed_at is not None for i in stats.iterations)
    return Status(
        run=str(folder.path),
        state=state,
        desired_state=run_state.desired.value,
        activity=_activity(store, open_one) if state == ActualState.RUNNING else None,
        heartbeat_age_s=None if run_state.heartbeat_at is None else round(heartbeat_age_s(run_state, now_s), 1),
        iteration=open_one.number if open_one else done,
        iterations_done=done,
        iterations_configured=config.iteration.count,
        progress={"done": open_one.done, "scheduled": open_one.scheduled} if open_one else None,
        policy={
            "version": latest.version if latest else None,
            "promoted_version": promoted.version if promoted else None,
        },
        problems=dict(stats.problems),
        reviews=store.labels.review_counts(),
        demonstrations=stats.demonstrations.total,
        rollouts={
            "total": stats.train.total,
            "accepted": stats.train.accepted,
            "acceptance_rate": stats.acceptance_rate,
            "by_outcome": dict(stats.train.by_outcome),
        },
        faults=_faults(store, stats),
        executions={"total": stats.executions_total, "by_status": dict(stats.executions)},
        evaluations=_evaluations(store),
        iterations=tuple(_iteration(iteration) for iteration in stats.iterations),
        policies=_policies(store),
        support=tuple(asdict(counts) for counts in support),
        support_alarm=support_alarm(support),
        store_url=store.masked_url,
        checkpoint=run_state.checkpoint,
    )


def _faults(store: Store, stats: StoreStatistics) -> Mapping[str, Any]:
    """Faults by kind, retries after faults, and a warning about the latest iteration that has rollouts.

    Retries are those that samplers reported until the latest iteration was closed.
    """
    retries: Counter[str] = Counter()
    for iteration in stats.iterations:
        retries.update(iteration.metrics.get("fault_retries") or {})
    latest = next((iteration for iteration in reversed(stats.iterations) if iteration.done), None)
    return {
        "train": dict(stats.train.faults),
        "eval": dict(stats.eval.faults),
        "retries": dict(retries),
        "warning": _fault_warning(store, latest) if latest is not None else None,
    }


def _fault_warning(store: Store, iteration: Iteration) -> str | None:
    number, stored = iteration.number, iteration.metrics
    if "faults" in stored:  # closed: its rollouts may have been pruned
        return fault_warning(number, stored["outcomes"], stored["faults"])
    return fault_warning(number, store.iterations.outcomes(number).get(number, {}), store.iterations.faults(number))


def _evaluations(store: Store) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        {
            "policy_version": one.policy_version,
            "benchmark": one.benchmark,
            "metric": one.metric,
            **asdict(one.figure),
            "standard_error": error_of(one.figure),
            "undecided": one.undecided,
            "unverifiable": one.unverifiable,
        }
        for one in store.evaluations.figures()
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
    promoted = {promotion.version for promotion in store.policies.promotions()}
    return tuple(
        {
            "version": policy.version,
            "parent": policy.parent,
            "path": policy.path,
            "promoted": policy.promoted,
            "was_promoted": policy.version in promoted,
        }
        for policy in store.policies.all()
    )


def _activity(store: Store, open_one: Iteration | None) -> str:
    """What a running run is doing, as far as its store shows it."""
    latest = store.policies.latest()
    for evaluation in store.evaluations.unfinished():
        if latest is not None and evaluation.policy_version == latest.version:
            done, total = store.evaluations.progress(evaluation.id)
            return f"measuring policy v{latest.version} ({done} of {total})"
    if open_one is not None and open_one.done < open_one.scheduled:
        return f"sampling ({open_one.done} of {open_one.scheduled})"
    warms_up = latest is None or latest.parent is None
    return "learning" if open_one is not None or warms_up else "between iterations"


def heartbeat_age_s(state: RunState, now_s: float) -> float:
    """Seconds since the last heartbeat, infinite if there was none."""
    return float("inf") if state.heartbeat_at is None else max(now_s - state.heartbeat_at, 0.0)
