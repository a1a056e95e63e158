"""The fleet of samplers, as the driver controls it: set a policy, poll for statistics, restore dead samplers."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.config.run_config import RaySettings
from cluster.loop.progress import Progress
from store.records import Policy

log = logging.getLogger(__name__)

_SAMPLE = "sample"
_PROBE_EVERY_S = 3.0
_PROBE_S = 5.0
_POLL_S = 0.1
_CHECK_EVERY_S = 0.5
_REASON_CHARS = 200


class SamplersLostError(RuntimeError):
    """No sampler is left, or none loads the policy; the message gives the reason."""


class Fleet:
    """All samplers of a run. Ray restarts one that died, and `restore_dead` gives it the current policy.

    A sampler that refuses a policy, or reports a failure, is killed so that it starts afresh; `notify` is called with
    a message for each, with the reason.
    """

    def __init__(self, group: EnvRunnerGroup, settings: RaySettings, notify: Callable[[str], None]) -> None:
        self._group = group
        self._settings = settings
        self._notify = notify
        self._last_probe = 0.0
        self._dead_since: float | None = None
        self._unanswered_since: dict[int, float] = {}
        self._loaded: set[int] = set()  # samplers that have loaded the policy that was set last
        self._refusals: Counter[int] = Counter()  # of that policy, by sampler
        self._refusals_allowed = 0
        self._failures: dict[int, str] = {}  # the reason, by sampler that does not work

    def set_policy(self, policy: Policy) -> None:
        """Broadcast a policy and wait until every healthy sampler has loaded it, and at least one.

        A sampler that worked before and refuses a later policy gets it once more after its restart.

        Raises:
            SamplersLostError: all refused it, or none loaded it within `start_timeout_s`.
        """
        self._loaded.clear()
        self._refusals.clear()
        self._broadcast(policy, None)
        deadline = time.monotonic() + self._settings.start_timeout_s
        while not (self._loaded and set(self._group.healthy_env_runner_ids()) <= self._loaded):
            self._collect_swaps(policy, _POLL_S)
            if self._all_refused():
                raise SamplersLostError(f"no sampler loaded policy {policy.version}: {self._reason()}")
            if self.has_dead():
                self.restore_dead(policy)
            if time.monotonic() > deadline:
                raise SamplersLostError(
                    f"no sampler loaded policy {policy.version} within {self._settings.start_timeout_s:g} s "
                    f"({self.describe()})"
                )
        self._refusals_allowed = 1

    def poll(self, wait_s: float) -> list[dict[str, Any]]:
        """Statistics of what samplers wrote since their last reply, as far as they reply within `wait_s` seconds."""
        self._group.foreach_env_runner_async(_SAMPLE, tag=_SAMPLE)
        for sampler in self._group.healthy_env_runner_ids():
            self._unanswered_since.setdefault(sampler, time.monotonic())
        stats = []
        for sampler, reply in self._fetch(_SAMPLE, wait_s):
            self._unanswered_since.pop(sampler, None)
            if isinstance(reply, RayError):
                self._record_failure(sampler, reply)
            elif reply["ready"]:
                stats.append(reply)
        self._restart_unresponsive()
        return stats

    def supervise(self, policy: Policy, wait_s: float) -> list[dict[str, Any]]:
        """`poll`, and restore dead samplers with `policy`."""
        stats = self.poll(wait_s)
        self._collect_swaps(policy, 0.0)
        if self.has_dead():
            self.restore_dead(policy)
        return stats

    def await_rollouts(
        self,
        policy: Policy,
        count: Callable[[], tuple[int, int]],
        progress: Progress,
        on_stats: Callable[[list[dict[str, Any]]], None] = lambda stats: None,
        wait_while_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """Wait until all scheduled rollouts are in the store.

        Args:
            policy: what dead samplers are restored with.
            count: (done, scheduled) rollouts, as the store has them.
            progress: receives both numbers.
            on_stats: called with what `supervise` returns.
            wait_while_paused: called at each check; may block, and returns whether it did. Its exceptions end the wait.

        Raises:
            TimeoutError: no rollout arrived within `stall_timeout_s`.
            SamplersLostError: no sampler is left.
        """
        before, since = -1, time.monotonic()
        while True:
            done, total = count()
            progress.advance(done, total)
            if done >= total:
                return
            paused = wait_while_paused()  # at every check, also while rollouts arrive
            if paused or done != before:
                before, since = done, time.monotonic()
            if time.monotonic() - since > self._settings.stall_timeout_s:
                raise TimeoutError(
                    f"no rollout arrived within {self._settings.stall_timeout_s:g} s ({done} of {total} are in the "
                    f"store, and stay there): {self.describe()}"
                )
            on_stats(self.supervise(policy, _CHECK_EVERY_S))

    def has_dead(self) -> bool:
        """Whether a sampler is out of service."""
        return self._group.num_healthy_remote_env_runners() < self._group.num_remote_env_runners()

    def restore_dead(self, policy: Policy) -> None:
        """Give the policy to samplers that Ray has restarted.

        Raises:
            SamplersLostError: no sampler was alive for `start_timeout_s`.
        """
        now = time.monotonic()
        if now - self._last_probe < _PROBE_EVERY_S:
            return
        self._last_probe = now
        restored = self._group.probe_unhealthy_env_runners(timeout_seconds=_PROBE_S)
        if restored:
            log.warning("samplers %s are restored", restored)
            self._unanswered_since.clear()  # they load the policy first
            self._broadcast(policy, restored)
        if self._group.num_healthy_remote_env_runners():
            self._dead_since = None
            return
        self._dead_since = self._dead_since or now
        if now - self._dead_since > self._settings.start_timeout_s:
            raise SamplersLostError(f"all samplers are dead and do not restart: {self.describe()}")

    def pause(self) -> None:
        """Stop leasing problems on all samplers; rollouts under way are finished and written."""
        self._group.foreach_env_runner("pause", local_env_runner=False, timeout_seconds=_PROBE_S)

    def resume(self) -> None:
        """Lease problems again on all samplers."""
        self._group.foreach_env_runner("resume", local_env_runner=False, timeout_seconds=_PROBE_S)

    def describe(self) -> str:
        """How many samplers are alive, the last known failure, and where the samplers' logs are."""
        reason = f"; {self._reason()}" if self._failures else ""
        return (
            f"{self._group.num_healthy_remote_env_runners()} of {self._group.num_remote_env_runners()} samplers are "
            f"alive, after {self._group.num_remote_worker_restarts()} restarts{reason}; "
            f"their logs are worker-*.err in {_log_folder()} on their machines"
        )

    def _collect_swaps(self, policy: Policy, wait_s: float) -> None:
        """Record which samplers have loaded the policy and which refused it."""
        for sampler, reply in self._fetch(_swap_tag(policy), wait_s):
            if isinstance(reply, RayError):
                self._record_failure(sampler, reply)
                self._refusals[sampler] += isinstance(reply, RayTaskError)
            else:
                self._loaded.add(sampler)
                del self._refusals[sampler]
                self._failures.pop(sampler, None)

    def _all_refused(self) -> bool:
        refused = [sampler for sampler, count in self._refusals.items() if count > self._refusals_allowed]
        return len(refused) == self._group.num_remote_env_runners()

    def _record_failure(self, sampler: int, error: RayError) -> None:
        """Record why a sampler does not work. One that is still alive is killed and starts afresh."""
        is_alive = isinstance(error, RayTaskError)
        reason = " ".join(str(error.cause).split()) if is_alive else "its process died"
        self._loaded.discard(sampler)
        if sampler not in self._failures:
            self._failures[sampler] = reason
            self._notify(f"sampler {sampler} is restarted: {shorten(reason, _REASON_CHARS, placeholder=' ...')}")
        if is_alive:
            self._restart(sampler)

    def _reason(self) -> str:
        sampler, reason = max(self._failures.items(), key=lambda failure: self._refusals[failure[0]])
        return f"sampler {sampler}: {reason}"

    def _restart_unresponsive(self) -> None:
        """Restart hung samplers: they are not dead to Ray, and would keep their leases for ever."""
        for sampler in set(self._group.healthy_env_runner_ids()) & self._unanswered_since.keys():
            silent_s = time.monotonic() - self._unanswered_since[sampler]
            if silent_s > self._settings.sampler_silence_s:
                self._notify(f"sampler {sampler} has not answered for {silent_s:.0f} s and is restarted")
                self._restart(sampler)
                del self._unanswered_since[sampler]

    def _restart(self, sampler: int) -> None:
        ray.kill(self._group._worker_manager.actors()[sampler], no_restart=False)

    def _broadcast(self, policy: Policy, samplers: list[int] | None) -> None:
        self._group.foreach_env_runner_async(
            "set_state",
            tag=_swap_tag(policy),
            kwargs={"state": policy.pointer.to_state()},
            remote_worker_ids=samplers,
        )

    def _fetch(self, tag: str, wait_s: float) -> list[tuple[int, Any]]:
        """The replies that have arrived, by sampler; an error in place of a reply that failed.

        RLlib waits for all replies or for the whole time-out, hence the short polls.
        """
        deadline = time.monotonic() + wait_s
        while True:
            replies = self._group._worker_manager.fetch_ready_async_reqs(tags=tag, timeout_seconds=min(_POLL_S, wait_s))
            found = [(reply.actor_id, reply.get()) for reply in replies]
            if found or time.monotonic() >= deadline:
                return found


def _swap_tag(policy: Policy) -> str:
    """Requests are tagged by version: a late reply about one policy must not count for the next."""
    return f"swap-{policy.version}"


def _log_folder() -> str:
    session = ray.get_runtime_context().get_session_name()
    return f"/tmp/ray/{session}/logs"  # noqa: S108 - Ray's default; a cluster may configure another
