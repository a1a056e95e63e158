"""Keeps a jail at hand: starts the first one, the next ones ahead of need, and ends those that have served."""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from sandbox.cgroup import Cgroups
from sandbox.jail import Jail, JailFailure
from sandbox.settings import SandboxSettings

log = logging.getLogger(__name__)

INSPECT_EVERY = 50  # sessions: a look at the warm parent costs a fraction of a millisecond
SUSPECT_AGE_S = 10.0  # a younger jail is not renewed for tampering yet, or one block could keep us busy starting jails
RETRY_S = 10.0


class Renewal(StrEnum):
    """Why a jail was replaced."""

    SESSIONS = "sessions"
    MEMORY = "memory"
    TAMPERING = "tampering"
    DEATH = "death"
    FAILURE = "failure"


@dataclass(slots=True)
class Counts:
    """What has gone wrong and what was done about it, since the sandbox was made.

    `failures` are blocks that a failure of ours ended, `retries` those of them that were run again in another jail.
    """

    failures: int = 0
    retries: int = 0
    renewals: Counter[str] = field(default_factory=Counter)

    def copy(self) -> "Counts":
        """The counts as they are now."""
        return Counts(self.failures, self.retries, self.renewals.copy())


class JailPool:
    """One jail that takes sessions, at times its successor on the way, and old ones whose sessions are still open.

    A renewal stalls nobody: the old jail serves until the new one is ready. Only after a jail has died, or failed to
    run a session, does whoever comes next wait for a start.
    """

    def __init__(self, settings: SandboxSettings, cgroups: Cgroups, counts: Counts) -> None:
        self._settings = settings
        self._cgroups = cgroups
        self._counts = counts
        self._current: Jail | None = None
        self._renewal: asyncio.Task[Jail] | None = None
        self._retiring: dict[asyncio.Task[None], Jail] = {}
        self._retry_at = 0.0

    @property
    def current(self) -> Jail | None:
        """The jail that takes sessions; None before the first and after one that was distrusted."""
        return self._current

    async def working_jail(self) -> Jail:
        """A jail that takes sessions. Raises JailFailure if none can be started."""
        jail = self._current
        if jail is None or not jail.alive:
            return await self._successor(None if jail is None else Renewal.DEATH)
        reason = self._reason_to_renew(jail)
        if reason is not None and asyncio.get_running_loop().time() >= self._retry_at:
            self._begin_renewal(reason)
        return jail

    def distrust(self, jail: Jail) -> None:
        """A session failed in `jail` for no fault of its own: it takes no more of them."""
        if jail is self._current:
            self._current = None
            self._retire(jail)
            self._begin_renewal(Renewal.FAILURE if jail.alive else Renewal.DEATH)

    async def close(self) -> None:
        """End every jail and wait until it has gone."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
        jail, self._current = self._current, None
        if jail is not None:
            self._retire(jail)
        for retired in self._retiring.values():
            retired.kill()
        await asyncio.gather(*self._retiring)

    def _reason_to_renew(self, jail: Jail) -> Renewal | None:
        if jail.sessions_opened >= self._settings.sessions_per_jail:
            return Renewal.SESSIONS
        if jail.sessions_opened % INSPECT_EVERY == INSPECT_EVERY - 1:
            jail.inspect()
            if jail.grown_bytes > self._settings.jail_growth_bytes:
                return Renewal.MEMORY
        if jail.suspicion and jail.age_s >= SUSPECT_AGE_S:
            return Renewal.TAMPERING
        return None

    async def _successor(self, reason: Renewal | None) -> Jail:
        renewal = self._begin_renewal(reason)
        await asyncio.wait([renewal])  # not cancelled with whoever waits: others do too
        if renewal.cancelled():
            raise JailFailure("the sandbox is closed")
        return renewal.result()

    def _begin_renewal(self, reason: Renewal | None) -> asyncio.Task[Jail]:
        if self._renewal is None or self._renewal.done():
            if reason is not None:
                self._counts.renewals[reason.value] += 1
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
    await jail.idle()
    await jail.close()
