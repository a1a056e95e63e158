"""The pool of jails: starts the first one, renews it with a successor that is started in advance, retires the old."""

import asyncio
import logging
from enum import StrEnum

from sandbox.jail.cgroup import Cgroups
from sandbox.jail.failure import JailFailure
from sandbox.jail.jail import Jail
from sandbox.settings import SandboxSettings
from sandbox.stats import SandboxStats

log = logging.getLogger(__name__)

INSPECT_EVERY = 50  # sessions: an inspection takes a fraction of a millisecond
# A younger jail is not renewed for tampering: otherwise blocks could keep the machine busy starting jails.
TAMPERING_AGE_S = 10.0
RETRY_S = 10.0


class RenewalReason(StrEnum):
    """Why a jail was replaced."""

    SESSIONS = "sessions"
    MEMORY = "memory"
    TAMPERING = "tampering"
    DEATH = "death"
    FAILURE = "failure"


class JailPool:
    """The jail that takes sessions, at times its successor as it starts, and old ones whose sessions are still open.

    A renewal blocks no caller: the old jail takes sessions until the new one is ready. Callers wait for a start only
    after a jail has died or failed to run a session.
    """

    def __init__(self, settings: SandboxSettings, cgroups: Cgroups, stats: SandboxStats) -> None:
        self._settings = settings
        self._cgroups = cgroups
        self._stats = stats
        self._current: Jail | None = None
        self._renewal: asyncio.Task[Jail] | None = None
        self._retiring: dict[asyncio.Task[None], Jail] = {}
        self._retry_at = 0.0

    @property
    def current(self) -> Jail | None:
        """The jail that takes sessions; None before the first, and after one was discarded."""
        return self._current

    async def ready_jail(self) -> Jail:
        """A jail that takes sessions. Raises JailFailure if none can be started."""
        jail = self._current
        if jail is None or not jail.alive:
            return await self._wait_for_renewal(None if jail is None else RenewalReason.DEATH)
        reason = self._reason_to_renew(jail)
        if reason is not None and asyncio.get_running_loop().time() >= self._retry_at:
            self._begin_renewal(reason)
        return jail

    def discard(self, jail: Jail) -> None:
        """Retire `jail` after a session failed in it through no fault of its own, and start a successor."""
        if jail is self._current:
            self._current = None
            self._retire(jail)
            self._begin_renewal(RenewalReason.FAILURE if jail.alive else RenewalReason.DEATH)

    async def close(self) -> None:
        """End every jail and wait until it has exited."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        jail, self._current = self._current, None
        if jail is not None:
            self._retire(jail)
        for retired in self._retiring.values():
            retired.kill()
        await asyncio.gather(*self._retiring)

    def _reason_to_renew(self, jail: Jail) -> RenewalReason | None:
        if jail.sessions_opened >= self._settings.sessions_per_jail:
            return RenewalReason.SESSIONS
        if jail.sessions_opened % INSPECT_EVERY == INSPECT_EVERY - 1:
            jail.inspect()
            if jail.growth_bytes > self._settings.jail_growth_bytes:
                return RenewalReason.MEMORY
        if jail.tampering and jail.age_s >= TAMPERING_AGE_S:
            return RenewalReason.TAMPERING
        return None

    async def _wait_for_renewal(self, reason: RenewalReason | None) -> Jail:
        renewal = self._begin_renewal(reason)
        await asyncio.wait([renewal])  # not cancelled with its caller: others wait for it too
        if renewal.cancelled():
            raise JailFailure("the sandbox is closed")
        return renewal.result()

    def _begin_renewal(self, reason: RenewalReason | None) -> asyncio.Task[Jail]:
        if self._renewal is None or self._renewal.done():
            if reason is not None:
                self._stats.renewals[reason.value] += 1
            self._renewal = asyncio.create_task(self._renew(), name="renew the jail")
            self._renewal.add_done_callback(self._note_failure)
        return self._renewal

    async def _renew(self) -> Jail:
        successor = Jail(self._settings, self._cgroups)
        await successor.start()
        before, self._current = self._current, successor
        if before is not None:
            self._retire(before)
        return successor

    def _note_failure(self, renewal: asyncio.Task[Jail]) -> None:
        if not renewal.cancelled() and (failure := renewal.exception()) is not None:
            self._retry_at = asyncio.get_running_loop().time() + RETRY_S
            log.warning("no new jail: %s", failure)

    def _retire(self, jail: Jail) -> None:
        task = asyncio.create_task(_close_when_idle(jail), name="retire a jail")
        self._retiring[task] = jail
        task.add_done_callback(self._retiring.pop)


async def _close_when_idle(jail: Jail) -> None:
    await jail.wait_idle()
    await jail.close()
