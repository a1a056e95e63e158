"""The rollout worker keeps an engine busy: it leases attempts, makes many concurrently and writes the rollouts."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from actors.attempts.attempt import Attempter
from actors.sampling.following import PolicyFollower
from actors.sampling.held_attempts import HeldAttempts
from actors.sampling.pace import LONGEST_IDLE_S, Pace
from actors.sampling.stats import RolloutStats
from actors.sampling.store_calls import StoreCalls
from actors.settings import SamplerSettings
from store.records import Assignment, Lease, Purpose, Rollout
from store.rollouts.assignments import Assignments
from store.rollouts.rollouts import Rollouts

log = logging.getLogger(__name__)

_WRITE_BATCH = 256
_BUSY_POLL_S = 0.02  # between two attempts to lease while attempts are under way
_SETTLE_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The name that leases are held under, and what is leased: work of any purpose and policy, or of one alone."""

    owner: str
    purpose: Purpose | None = None
    pinned: int | None = None


class RolloutWorker:
    """Leases, attempts and writes until it is cancelled.

    What is held never exceeds what the slots can begin within seconds, so that several workers share the end of an
    iteration. Only the leases of attempts that make progress are extended: what hangs goes to another worker.

    An error in a background task (a dead engine, a store that stays unreachable) ends `run` with an ExceptionGroup of
    it; nothing is swallowed.
    """

    def __init__(
        self,
        terms: LeaseTerms,
        assignments: Assignments,
        rollouts: Rollouts,
        attempter: Attempter,
        settings: SamplerSettings,
        follower: PolicyFollower,
    ) -> None:
        """
        Args:
            terms: What is leased, and under which name.
            assignments: Where attempts are leased.
            rollouts: Where finished rollouts are written.
            attempter: Makes the rollouts.
            settings: Intervals of leases and retries, and the number of concurrent rollouts.
            follower: Told which policy each lease names.
        """
        self._terms = terms
        self._assignments = assignments
        self._rollouts = rollouts
        self._attempter = attempter
        self._settings = settings
        self._follower = follower
        self._store = StoreCalls(settings.store_retry_s)
        self._pace = Pace(settings.slots, settings.lookahead_s)
        self._queued: asyncio.Queue[tuple[Assignment, int]] = asyncio.Queue()
        self._finished: asyncio.Queue[Rollout] = asyncio.Queue()
        self._held = HeldAttempts()
        self._leasing = asyncio.Lock()
        self._stats = RolloutStats()
        self._has_written = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lease_forever(), name="lease attempts")
            tasks.create_task(self._write_forever(), name="write rollouts")
            tasks.create_task(self._extend_leases_forever(), name="extend leases")
            for slot in range(self._settings.slots):
                tasks.create_task(self._attempt_forever(), name=f"slot {slot}")

    @property
    def held(self) -> int:
        """The number of leased attempts that are not written yet."""
        return self._held.total

    @property
    def waits_for(self) -> str | None:
        """What the worker waits for, None if it waits for nothing."""
        return self._store.waits_for

    @asynccontextmanager
    async def evaluations_settled(self) -> AsyncIterator[None]:
        """Wait until no evaluation is under way, and lease nothing during the context.

        An evaluation's attempts must be of one policy alone.
        """
        while True:
            async with self._leasing:
                if not self._held.include_evaluations:
                    yield
                    return
            await asyncio.sleep(_SETTLE_POLL_S)

    async def drain_stats(self, timeout_s: float) -> RolloutStats:
        """Return and reset the stats; if nothing was written since the last call, wait for up to `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_written.wait()
        except TimeoutError:
            pass
        self._has_written.clear()
        stats, self._stats = self._stats, RolloutStats()
        stats.fault_retries = self._attempter.drain_retries()
        return stats

    # ---------------------------------------------------------------- leasing

    async def _lease_forever(self) -> None:
        idle_s = self._settings.idle_poll_s
        while True:
            room = self._pace.room(self.held)
            if room and await self._lease(room):
                idle_s = self._settings.idle_poll_s
            elif self.held:
                await asyncio.sleep(_BUSY_POLL_S if not room else self._settings.idle_poll_s)
            else:
                await asyncio.sleep(idle_s)
                idle_s = max(self._settings.idle_poll_s, min(2 * idle_s, LONGEST_IDLE_S))

    async def _lease(self, attempts: int) -> bool:
        """Lease and queue attempts; returns whether there were any."""
        terms, settings = self._terms, self._settings
        async with self._leasing:
            held = self._follower.version
            lease: Lease = await self._store.call(
                lambda: self._assignments.lease(
                    terms.owner,
                    attempts,
                    settings.lease_ttl_s,
                    held,
                    terms.purpose,
                    terms.pinned,
                    settings.swap_wait_s,
                    settings.evaluation_samplers,
                )
            )
            for assignment in lease.assignments:
                self._enqueue(assignment)
        self._follower.follow(lease.policy)
        return bool(lease.assignments)

    def _enqueue(self, assignment: Assignment) -> None:
        for sample_index in self._held.add(assignment):
            self._queued.put_nowait((assignment, sample_index))

    async def _extend_leases_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_ttl_s / 3)
            if progressing := self._held.progressing(self._is_progressing):
                await self._extend(progressing)

    async def _extend(self, assignments: list[int]) -> None:
        owner, ttl_s = self._terms.owner, self._settings.lease_ttl_s
        await self._store.call(lambda: self._assignments.extend(owner, assignments, ttl_s))

    def _is_progressing(self, rollout: str) -> bool:
        return self._attempter.is_progressing(rollout, self._settings.lease_ttl_s)

    # ---------------------------------------------------------------- attempts

    async def _attempt_forever(self) -> None:
        while True:
            assignment, sample_index = await self._queued.get()
            self._held.begin(assignment.id, sample_index)
            rollout = await self._attempter.attempt(assignment, sample_index)
            self._pace.count()
            self._held.mark_sampled(rollout)
            self._finished.put_nowait(rollout)

    async def _write_forever(self) -> None:
        while True:
            batch = [await self._finished.get()]
            await asyncio.sleep(self._settings.write_interval_s)
            while len(batch) < _WRITE_BATCH and not self._finished.empty():
                batch.append(self._finished.get_nowait())
            await self._store.call(lambda batch=batch: self._rollouts.add(batch))  # type: ignore[misc]
            for rollout in batch:
                self._stats.add(rollout)
                self._held.mark_written(rollout)
            self._has_written.set()
