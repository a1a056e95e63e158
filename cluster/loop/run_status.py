"""The status of a run, by its store: driver, progress, policies, figures."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cluster.config.machine import free_disk_bytes
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.alarms.faults import fault_warning
from cluster.loop.alarms.support import read_support
from cluster.loop.position import read_position
from cluster.loop.supervision.heartbeat import DEAD_AFTER_S
from eval.figure_text import error_of
from eval.support import support_alarm
from store.runs.iterations import Iteration
from store.runs.run_state import ActualState, RunState
from store.runs.samplers import SamplerStatus
from store.runs.statistics import StoreStatistics
from store.store import Store

DEAD = "dead"
"""The state of a run whose driver reports that it is active and whose heartbeat has stopped."""

SILENT = "silent"
"""As `dead`, but its process lives on this machine: it cannot write to the store, or was stopped."""

_DISK_FULL_BELOW_BYTES = 64 << 20

ACTIVE = (ActualState.STARTING, ActualState.RUNNING, ActualState.PAUSED)
"""The states of a run that has a driver."""


@dataclass(frozen=True, slots=True)
class Status:
    """A run in numbers. The field names are the keys of `automathes status --json`."""

    run: str
    state: str
    desired_state: str
    activity: str | None
    disk_warning: str | None
    samplers: tuple[Mapping[str, Any], ...]
    heartbeat_age_s: float | None
    iteration: int
    iterations_done: int
    iterations_asked: int
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


def current_state(state: RunState, now_s: float, folder: RunFolder | None) -> str:
    """The state that the driver reports; `dead` or `silent` if that is an active one and its heartbeat has stopped.

    Without its folder, a silent driver cannot be told from a dead one.
    """
    if state.actual not in ACTIVE or heartbeat_age_s(state, now_s) <= DEAD_AFTER_S:
        return state.actual.value
    return SILENT if folder is not None and folder.has_driver_here() else DEAD


def disk_warning(folder: RunFolder) -> str | None:
    """What to do if the disk of the run's folder is full; None while there is room."""
    free_bytes = free_disk_bytes(folder.path)
    if free_bytes >= _DISK_FULL_BELOW_BYTES:
        return None
    return f"the disk of {folder.path} is full ({free_bytes >> 20} MiB free): free some space, and the run goes on"


def read_status(store: Store, folder: RunFolder, config: RunConfig) -> Status:
    """The status of the run at this moment."""
    run_state, stats, now_s = store.run.state(), store.run.statistics(), time.time()
    state = current_state(run_state, now_s, folder)
    latest, promoted = store.policies.latest(), store.policies.promoted()
    open_one = next((i for i in stats.iterations if i.closed_at is None), None)
    support = read_support(store, stats.iterations)
    position = read_position(store, config)
    return Status(
        run=str(folder.path),
        state=state,
        desired_state=run_state.desired.value,
        activity=run_state.activity if state in ACTIVE else None,
        disk_warning=disk_warning(folder),
        samplers=tuple(_sampler(sampler, now_s) for sampler in store.samplers.all()),
        heartbeat_age_s=None if run_state.heartbeat_at is None else round(heartbeat_age_s(run_state, now_s), 1),
        iteration=open_one.number if open_one else position.iterations_done,
        iterations_done=position.iterations_done,
        iterations_asked=position.target,
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
            "origin": policy.origin,
            "path": policy.path,
            "promoted": policy.promoted,
            "was_promoted": policy.version in promoted,
            "decision": policy.decision.value if policy.decision else None,
            "assessment": policy.assessment,
            "pruned": policy.is_pruned,
        }
        for policy in store.policies.all()
    )


def _sampler(sampler: SamplerStatus, now_s: float) -> Mapping[str, Any]:
    return {
        "name": sampler.name,
        "state": sampler.state.value,
        "detail": sampler.detail,
        "policy_version": sampler.policy_version,
        "host": sampler.host,
        "starts": sampler.starts,
        "since_s": round(now_s - sampler.since, 1),
        "silent_s": round(now_s - sampler.reported_at, 1),
        "no_progress_s": round(now_s - sampler.progress_at, 1),
    }


def heartbeat_age_s(state: RunState, now_s: float) -> float:
    """Seconds since the last heartbeat, infinite if there was none."""
    return float("inf") if state.heartbeat_at is None else max(now_s - state.heartbeat_at, 0.0)
