"""The fleet of samplers, as the driver supervises it: poll for statistics, replace what is dead or silent, resize.

The driver sends samplers no policy and no work: they follow the store. It only sees to it that they live.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from cluster.config.run_config import RaySettings
from cluster.loop.placement.samplers import SamplerGroup
from cluster.loop.placement.waiting import is_pending, missing_now

log = logging.getLogger(__name__)

_SAMPLE = "sample"
_PROBE_EVERY_S = 3.0
_PROBE_S = 5.0
_POLL_S = 0.1
_REASON_CHARS = 200
_PLACED_WITHIN_S = 15.0  # where there are resources
_FAILURES_ALLOWED = 3  # of a sampler in a row, while none has ever worked


class SamplersLostError(RuntimeError):
    """No sampler works; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Report:
    """A sampler's latest reply. `held`: the attempts that it has leased; `detail`: what holds it up, if anything.

    `progress` grows with each token that it samples.
    """

    name: str
    state: str
    detail: str | None
    starts: int
    held: int
    progress: int


class Fleet:
    """All samplers of a run. Ray restarts one that died, and the first poll starts the new process.

    A sampler that reports a failure, or does not answer, is killed so that it starts afresh; `notify` is called with a
    message for each, with the reason.
    """

    def __init__(self, group: SamplerGroup, settings: RaySettings, notify: Callable[[str], None]) -> None:
        self._group = group
        self._settings = settings
        self._notify = notify
        self._last_probe = 0.0
        self._dead_since: float | None = None
        self._unanswered_since: dict[int, float] = {}
        self._failures: Counter[int] = Counter()  # in a row, by sampler
        self._reasons: dict[int, str] = {}  # of the last failure, by sampler that does not work
        self._names: dict[int, str] = {}
        self._has_worked = False
        self.reports: dict[int, Report] = {}
        """The latest reply of each sampler that is alive."""

    def poll(self, wait_s: float) -> list[dict[str, Any]]:
        """Replace dead samplers, and return the statistics of those that reply within `wait_s` seconds.

        Raises:
            SamplersLostError: no sampler is alive, or none has ever worked and each failed several times.
        """
        self._group.foreach_env_runner_async(_SAMPLE, tag=_SAMPLE)
        for sampler in self._group.healthy_env_runner_ids():
            self._unanswered_since.setdefault(sampler, time.monotonic())
        stats = [reply for sampler, reply in self._fetch(wait_s) if self._record(sampler, reply)]
        self._restart_unresponsive()
        self._readmit_restarted()
        return stats

    def resize(self, num_samplers: int) -> list[str]:
        """Add or remove samplers; returns the names of those removed, whose attempts others make."""
        ids = sorted(self._ids())
        if num_samplers > len(ids):
            self._notify(f"{num_samplers - len(ids)} samplers are added")
            self._group.add_workers(num_samplers - len(ids))
        return [self._remove(sampler) for sampler in ids[num_samplers:]]

    @property
    def size(self) -> int:
        """The number of samplers, dead ones included."""
        return int(self._group.num_remote_env_runners())

    @property
    def num_working(self) -> int:
        """The number of samplers whose engine has started."""
        return sum(report.state not in ("starting", "ended") for report in self.reports.values())

    @property
    def signs(self) -> object:
        """Signs of progress: they differ from those of the last poll if a sampler started, loaded or sampled."""
        return sorted((report.name, report.state, report.starts, report.progress) for report in self.reports.values())

    @property
    def held(self) -> int:
        """The attempts that samplers have leased and not yet written."""
        return sum(report.held for report in self.reports.values())

    def holdups(self) -> list[str]:
        """What holds samplers up, a line for each that is."""
        pending = self._pending()
        reported = [
            f"{report.name} {report.state}: {report.detail}"
            for _, report in sorted(self.reports.items())
            if report.detail is not None
        ]
        down = [
            f"{self._name(sampler)} is down: {self._reasons[sampler]}"
            for sampler in sorted(self._reasons.keys() - self.reports.keys())
        ]
        return [*pending, *reported, *down]

    def describe(self) -> str:
        """How many samplers are alive, the last known failure, and where the samplers' logs are."""
        reason = f"; {self._last_reason()}" if self._reasons else ""
        return (
            f"{self._group.num_healthy_remote_env_runners()} of {self.size} samplers are "
            f"alive, after {self._group.num_remote_worker_restarts()} restarts{reason}; "
            f"their logs are worker-*.err in {_log_folder()} on their machines"
        )

    # ---------------------------------------------------------------- replies

    def _record(self, sampler: int, reply: Any) -> bool:
        """Record a reply; whether it has statistics."""
        self._unanswered_since.pop(sampler, None)
        if isinstance(reply, RayError):
            self._record_failure(sampler, reply)
            return False
        self.reports[sampler] = Report(**{name: reply[name] for name in Report.__slots__})
        self._names[sampler] = reply["name"]
        if reply["ready"]:
            self._has_worked = True
            self._failures.pop(sampler, None)
            self._reasons.pop(sampler, None)
        return bool(reply["ready"])

    def _record_failure(self, sampler: int, error: RayError) -> None:
        """Record why a sampler does not work. One that is still alive is killed and starts afresh."""
        is_alive = isinstance(error, RayTaskError)
        reason = " ".join(str(error.cause).split()) if is_alive else "its process died"
        has_replied = self.reports.pop(sampler, None) is not None
        if is_alive or has_replied or sampler not in self._reasons:  # else it is the end of one that reported a failure
            self._failures[sampler] += 1
            self._reasons[sampler] = reason
            self._notify(f"{self._name(sampler)} is restarted: {shorten(reason, _REASON_CHARS, placeholder=' ...')}")
        if is_alive:
            self._restart(sampler)
        if not self._has_worked and min(self._failures[s] for s in self._ids()) >= _FAILURES_ALLOWED:
            raise SamplersLostError(f"no sampler starts: {self._last_reason()}")

    def _last_reason(self) -> str:
        sampler, reason = max(self._reasons.items(), key=lambda failure: self._failures[failure[0]])
        return f"{self._name(sampler)}: {reason}"

    def _fetch(self, wait_s: float) -> list[tuple[int, Any]]:
        """The replies that have arrived, by sampler; an error in place of a reply that failed.

        RLlib waits for all replies or for the whole time-out, hence the short polls.
        """
        deadline = time.monotonic() + wait_s
        manager = self._group._worker_manager
        while True:
            replies = manager.fetch_ready_async_reqs(tags=_SAMPLE, timeout_seconds=min(_POLL_S, wait_s))
            found = [(reply.actor_id, reply.get()) for reply in replies]
            if found or time.monotonic() >= deadline:
                return found

    # ---------------------------------------------------------------- dead and silent samplers

    def _waiting_for_resources(self) -> list[int]:
        """The samplers that have not answered for a while because Ray has not placed them."""
        now = time.monotonic()
        silent = [s for s, since in self._unanswered_since.items() if now - since > _PLACED_WITHIN_S]
        actors = self._group._worker_manager.actors()
        return [sampler for sampler in sorted(silent) if sampler in actors and is_pending(actors[sampler])]

    def _pending(self) -> list[str]:
        """A line for each sampler that Ray has not placed, with what is missing."""
        waiting = self._waiting_for_resources()
        if not waiting:
            return []
        missing = missing_now(self._group.demand) or "its process to start"
        return [f"{self._name(sampler)} waits for {missing}" for sampler in waiting]

    def _restart_unresponsive(self) -> None:
        """Restart hung samplers: they are not dead to Ray. One that is not placed yet waits for as long as it takes."""
        for sampler in self._waiting_for_resources():
            self._unanswered_since[sampler] = time.monotonic() - _PLACED_WITHIN_S - _POLL_S
        for sampler in set(self._group.healthy_env_runner_ids()) & self._unanswered_since.keys():
            silent_s = time.monotonic() - self._unanswered_since[sampler]
            if silent_s > self._settings.sampler_silence_s:
                self._notify(f"{self._name(sampler)} has not answered for {silent_s:.0f} s and is restarted")
                self._restart(sampler)
                self.reports.pop(sampler, None)
                del self._unanswered_since[sampler]

    def _readmit_restarted(self) -> None:
        """Poll samplers again that Ray has restarted.

        Raises:
            SamplersLostError: none has been alive for `samplers_lost_s`.
        """
        now = time.monotonic()
        if self._group.num_healthy_remote_env_runners() == self.size or now - self._last_probe < _PROBE_EVERY_S:
            return
        self._last_probe = now
        if restored := self._group.probe_unhealthy_env_runners(timeout_seconds=_PROBE_S):
            log.warning("samplers %s are restored", restored)
        if self._group.num_healthy_remote_env_runners():
            self._dead_since = None
            return
        self._dead_since = self._dead_since or now
        if now - self._dead_since > self._settings.samplers_lost_s:
            raise SamplersLostError(f"all samplers are dead and do not restart: {self.describe()}")

    def _restart(self, sampler: int) -> None:
        ray.kill(self._group._worker_manager.actors()[sampler], no_restart=False)

    def _remove(self, sampler: int) -> str:
        name = self._name(sampler)
        self._notify(f"{name} is removed")
        ray.kill(self._group._worker_manager.remove_actor(sampler))
        for record in (self.reports, self._reasons, self._failures, self._unanswered_since, self._names):
            record.pop(sampler, None)
        return name

    def _name(self, sampler: int) -> str:
        return self._names.get(sampler, f"sampler-{sampler}")

    def _ids(self) -> list[int]:
        return list(self._group._worker_manager.actor_ids())


def _log_folder() -> str:
    session = ray.get_runtime_context().get_session_name()
    return f"/tmp/ray/{session}/logs"  # noqa: S108 - Ray's default; a cluster may configure another
