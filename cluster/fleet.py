"""The samplers as the driver sees them: handing out policies, asking for news, bringing back the dead."""

import logging
import time
from collections.abc import Callable
from typing import Any

import ray
from ray.rllib.core import COMPONENT_RL_MODULE
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import WEIGHTS_SEQ_NO

from cluster.config import RaySettings
from cluster.progress import Progress
from store.records import Policy

log = logging.getLogger(__name__)

_NEWS = "sample"
_PROBE_EVERY_S = 3.0
_PROBE_S = 5.0
_POLL_S = 0.1
_LOOK_EVERY_S = 0.5


class SamplersLostError(RuntimeError):
    """No sampler is left, or none takes the policy; the message says what became of them."""


class Fleet:
    """All samplers of a run. One that died is started again by Ray and gets the current policy from `bring_back`."""

    def __init__(self, group: EnvRunnerGroup, settings: RaySettings) -> None:
        self._group = group
        self._settings = settings
        self._last_probe = 0.0
        self._dead_since: float | None = None
        self._heard_at: dict[int, float] = {}

    def hand_out(self, policy: Policy) -> None:
        """Gives a policy to all samplers and waits until each that lives has taken or refused it.

        Raises:
            SamplersLostError: not one took it within `start_timeout_s`.
        """
        self._send(policy, None)
        deadline = time.monotonic() + self._settings.start_timeout_s
        took: set[int] = set()
        while not set(self._group.healthy_env_runner_ids()) <= took or not took:
            for sampler, version in self._fetch(_swap(policy), _POLL_S):
                if version != policy.version:
                    raise SamplersLostError(
                        f"sampler {sampler} did not take policy {policy.version} and keeps {version}: see its log"
                    )
                took.add(sampler)
            if self.has_dead():
                self.bring_back(policy)
            if time.monotonic() > deadline:
                raise SamplersLostError(
                    f"no sampler took policy {policy.version} within {self._settings.start_timeout_s:g} s "
                    f"({self.describe()}): see the samplers' logs in the Ray dashboard"
                )

    def poll(self, wait_s: float) -> list[dict[str, Any]]:
        """What samplers wrote since they were last asked, as far as they have answered within `wait_s`."""
        self._group.foreach_env_runner_async(_NEWS, tag=_NEWS)
        answers = self._fetch(_NEWS, wait_s)
        self._heard_at.update((sampler, time.monotonic()) for sampler, _ in answers)
        self._kill_the_silent()
        return [news for _, news in answers if news["ready"]]

    def attend(self, policy: Policy, wait_s: float) -> list[dict[str, Any]]:
        """`poll`, and brings samplers that died back to `policy`."""
        news = self.poll(wait_s)
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
                    f"{self.describe()}. What is there is kept; see the samplers' logs in the Ray dashboard"
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
            self._heard_at.clear()  # they load the policy first
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
        """How many samplers live."""
        return (
            f"{self._group.num_healthy_remote_env_runners()} of {self._group.num_remote_env_runners()} samplers are "
            f"alive, after {self._group.num_remote_worker_restarts()} restarts"
        )

    def _kill_the_silent(self) -> None:
        """A hung actor is not dead to Ray, and would hold its problems for ever."""
        now = time.monotonic()
        for sampler in self._group.healthy_env_runner_ids():
            silent_s = now - self._heard_at.setdefault(sampler, now)
            if silent_s > self._settings.sampler_silence_s:
                log.error("sampler %d has not answered for %.0f s and is killed", sampler, silent_s)
                ray.kill(self._group._worker_manager.actors()[sampler], no_restart=False)
                del self._heard_at[sampler]

    def _send(self, policy: Policy, samplers: list[int] | None) -> None:
        pointer = {"path": policy.path, "version": policy.version}
        state = {COMPONENT_RL_MODULE: pointer, WEIGHTS_SEQ_NO: policy.version}
        self._group.foreach_env_runner_async(
            "set_state", tag=_swap(policy), kwargs={"state": state}, remote_worker_ids=samplers
        )

    def _fetch(self, tag: str, wait_s: float) -> list[tuple[int, Any]]:
        """The answers that are there. RLlib waits for all or for the whole time-out: hence short looks."""
        deadline = time.monotonic() + wait_s
        while True:
            answers = self._group.fetch_ready_async_reqs(tags=tag, timeout_seconds=min(_POLL_S, wait_s))
            if answers or time.monotonic() >= deadline:
                return answers


def _swap(policy: Policy) -> str:
    """Requests are tagged by version: a late answer about one policy must not be taken for the next one's."""
    return f"swap-{policy.version}"
