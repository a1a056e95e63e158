"""The samplers as the driver sees them: handing out policies, asking for news, bringing back the dead."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from textwrap import shorten
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from cluster.config.run_config import RaySettings
from cluster.loop.progress import Progress
from store.records import Policy

log = logging.getLogger(__name__)

_NEWS = "sample"
_PROBE_EVERY_S = 3.0
_PROBE_S = 5.0
_POLL_S = 0.1
_LOOK_EVERY_S = 0.5
_SAID_CHARS = 200


class SamplersLostError(RuntimeError):
    """No sampler is left, or none takes the policy; the message says what became of them."""


class Fleet:
    """All samplers of a run. One that died is started again by Ray and gets the current policy from `bring_back`.

    One that refuses a policy, or tells of a failure, is ended, so that it starts again too; `say` hears of each of
    these, with the reason.
    """

    def __init__(self, group: EnvRunnerGroup, settings: RaySettings, say: Callable[[str], None]) -> None:
        self._group = group
        self._settings = settings
        self._say = say
        self._last_probe = 0.0
        self._dead_since: float | None = None
        self._unanswered_since: dict[int, float] = {}
        self._took: set[int] = set()  # the policy that was handed out last
        self._refusals: Counter[int] = Counter()  # of that policy, by sampler
        self._refusals_borne = 0
        self._failures: dict[int, str] = {}  # of samplers that do not work

    def hand_out(self, policy: Policy) -> None:
        """Gives a policy to all samplers and waits until each that works has taken it, and one at least.

        A sampler that has worked and does not take a further policy gets it once more when it has started again.

        Raises:
            SamplersLostError: all refused it, or not one took it within `start_timeout_s`.
        """
        self._took.clear()
        self._refusals.clear()
        self._send(policy, None)
        deadline = time.monotonic() + self._settings.start_timeout_s
        while not (self._took and set(self._group.healthy_env_runner_ids()) <= self._took):
            self._settle(policy, _POLL_S)
            if self._all_refuse():
                raise SamplersLostError(f"no sampler takes policy {policy.version}: {self._reason()}")
            if self.has_dead():
                self.bring_back(policy)
            if time.monotonic() > deadline:
                raise SamplersLostError(
                    f"no sampler took policy {policy.version} within {self._settings.start_timeout_s:g} s "
                    f"({self.describe()})"
                )
        self._refusals_borne = 1

    def poll(self, wait_s: float) -> list[dict[str, Any]]:
        """What samplers wrote since they were last asked, as far as they have answered within `wait_s`."""
        self._group.foreach_env_runner_async(_NEWS, tag=_NEWS)
        for sampler in self._group.healthy_env_runner_ids():
            self._unanswered_since.setdefault(sampler, time.monotonic())
        news = []
        for sampler, answer in self._fetch(_NEWS, wait_s):
            self._unanswered_since.pop(sampler, None)
            if isinstance(answer, RayError):
                self._fail(sampler, answer)
            elif answer["ready"]:
                news.append(answer)
        self._kill_the_silent()
        return news

    def attend(self, policy: Policy, wait_s: float) -> list[dict[str, Any]]:
        """`poll`, and brings samplers that died back to `policy`."""
        news = self.poll(wait_s)
        self._settle(policy, 0.0)
        if self.has_dead():
            self.bring_back(policy)
        return news

    def await_rollouts(
        self,
        policy: Policy,
        count: Callable[[], tuple[int, int]],
        progress: Progress,
        on_news: Callable[[list[dict[str, Any]]], None] = lambda news: None,
        has_paused: Callable[[], bool] = lambda: False,
    ) -> None:
        """Waits until all that was scheduled is in the store.

        Args:
            policy: What samplers that died are brought back to.
            count: (done, scheduled) rollouts, as the store has them.
            progress: Hears how far it is.
            on_news: Takes what `attend` returned.
            has_paused: Called at each look; may hold the wait up, and says if it did. What it raises ends the wait.

        Raises:
            TimeoutError: no rollout came in for `stall_timeout_s`.
            SamplersLostError: no sampler is left.
        """
        before, since = -1, time.monotonic()
        while True:
            done, total = count()
            progress.advance(done, total)
            if done >= total:
                return
            paused = has_paused()  # at every look, also while rollouts come in
            if paused or done != before:
                before, since = done, time.monotonic()
            if time.monotonic() - since > self._settings.stall_timeout_s:
                raise TimeoutError(
                    f"no rollout came in for {self._settings.stall_timeout_s:g} s ({done} of {total} are there): "
                    f"{self.describe()}. What is there is kept"
                )
            on_news(self.attend(policy, _LOOK_EVERY_S))

    def has_dead(self) -> bool:
        """Whether a sampler is out of service."""
        return self._group.num_healthy_remote_env_runners() < self._group.num_remote_env_runners()

    def bring_back(self, policy: Policy) -> None:
        """Gives the policy to samplers that Ray has started again.

        Raises:
            SamplersLostError: for `start_timeout_s` no sampler was alive.
        """
        now = time.monotonic()
        if now - self._last_probe < _PROBE_EVERY_S:
            return
        self._last_probe = now
        restored = self._group.probe_unhealthy_env_runners(timeout_seconds=_PROBE_S)
        if restored:
            log.warning("samplers %s are back", restored)
            self._unanswered_since.clear()  # they load the policy first
            self._send(policy, restored)
        if self._group.num_healthy_remote_env_runners():
            self._dead_since = None
            return
        self._dead_since = self._dead_since or now
        if now - self._dead_since > self._settings.start_timeout_s:
            raise SamplersLostError(f"all samplers are dead and do not come back: {self.describe()}")

    def pause(self) -> None:
        """No sampler takes further problems; what is under way is finished and written."""
        self._group.foreach_env_runner("pause", local_env_runner=False, timeout_seconds=_PROBE_S)

    def resume(self) -> None:
        """The samplers go on."""
        self._group.foreach_env_runner("resume", local_env_runner=False, timeout_seconds=_PROBE_S)

    def describe(self) -> str:
        """How many samplers live, what is known of the others, and where their logs are."""
        reason = f"; {self._reason()}" if self._failures else ""
        return (
            f"{self._group.num_healthy_remote_env_runners()} of {self._group.num_remote_env_runners()} samplers are "
            f"alive, after {self._group.num_remote_worker_restarts()} restarts{reason}; "
            f"their logs are worker-*.err in {_logs()} on their machines"
        )

    def _settle(self, policy: Policy, wait_s: float) -> None:
        """Hears who has taken the policy and who refuses it."""
        for sampler, answer in self._fetch(_swap(policy), wait_s):
            if isinstance(answer, RayError):
                self._fail(sampler, answer)
                self._refusals[sampler] += isinstance(answer, RayTaskError)
            else:
                self._took.add(sampler)
                del self._refusals[sampler]
                self._failures.pop(sampler, None)

    def _all_refuse(self) -> bool:
        for_good = [sampler for sampler, count in self._refusals.items() if count > self._refusals_borne]
        return len(for_good) == self._group.num_remote_env_runners()

    def _fail(self, sampler: int, error: RayError) -> None:
        """Takes note of why a sampler does not work. One that could still say it is ended, and begins again."""
        said = isinstance(error, RayTaskError)
        reason = " ".join(str(error.cause).split()) if said else "its process died"
        self._took.discard(sampler)
        if sampler not in self._failures:
            self._failures[sampler] = reason
            self._say(f"sampler {sampler} is started again: {shorten(reason, _SAID_CHARS, placeholder=' ...')}")
        if said:
            self._end(sampler)

    def _reason(self) -> str:
        sampler, reason = max(self._failures.items(), key=lambda failure: self._refusals[failure[0]])
        return f"sampler {sampler}: {reason}"

    def _kill_the_silent(self) -> None:
        """A hung actor is not dead to Ray, and would hold its problems for ever."""
        for sampler in set(self._group.healthy_env_runner_ids()) & self._unanswered_since.keys():
            silent_s = time.monotonic() - self._unanswered_since[sampler]
            if silent_s > self._settings.sampler_silence_s:
                self._say(f"sampler {sampler} has not answered for {silent_s:.0f} s and is started again")
                self._end(sampler)
                del self._unanswered_since[sampler]

    def _end(self, sampler: int) -> None:
        ray.kill(self._group._worker_manager.actors()[sampler], no_restart=False)

    def _send(self, policy: Policy, samplers: list[int] | None) -> None:
        pointer = {"path": policy.path, "version": policy.version}
        state = {COMPONENT_RL_MODULE: pointer, WEIGHTS_SEQ_NO: policy.version}
        self._group.foreach_env_runner_async(
            "set_state", tag=_swap(policy), kwargs={"state": state}, remote_worker_ids=samplers
        )

    def _fetch(self, tag: str, wait_s: float) -> list[tuple[int, Any]]:
        """The answers that are there, an error where one came instead.

        RLlib waits for all or for the whole time-out: hence short looks.
        """
        deadline = time.monotonic() + wait_s
        while True:
            answers = self._group._worker_manager.fetch_ready_async_reqs(tags=tag, timeout_seconds=min(_POLL_S, wait_s))
            found = [(answer.actor_id, answer.get()) for answer in answers]
            if found or time.monotonic() >= deadline:
                return found


def _swap(policy: Policy) -> str:
    """Requests are tagged by version: a late answer about one policy must not be taken for the next one's."""
    return f"swap-{policy.version}"


def _logs() -> str:
    session = ray.get_runtime_context().get_session_name()
    return f"/tmp/ray/{session}/logs"  # noqa: S108 - where Ray puts it, unless it was told another place
