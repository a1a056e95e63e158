"""The rollout worker keeps an engine busy: it leases problems, attempts many concurrently and writes the rollouts."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable

from actors.attempt import Attempter
from actors.settings import SamplerSettings
from actors.stats import RolloutStats
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Assignment, Purpose, Rollout
from store.rollouts.assignments import Assignments
from store.rollouts.rollouts import Rollouts

log = logging.getLogger(__name__)

_WRITE_BATCH = 256
_QUEUED_POLL_S = 0.02  # between two attempts to lease while attempts are still queued


class RolloutWorker:
    """Leases, attempts and writes until it is cancelled.

    An error in a background task (a dead engine, a store that stays unreachable) ends `run` with an ExceptionGroup of
    it; nothing is swallowed. Leased problems whose rollouts are not written go to another worker when the lease
    expires.
    """

    def __init__(
        self,
        owner: str,
        assignments: Assignments,
        rollouts: Rollouts,
        attempter: Attempter,
        settings: SamplerSettings,
        policy_version: Callable[[], int],
        purpose: Purpose | None = None,
    ) -> None:
        """
        Args:
            owner: The name that leases are held under.
            assignments: Where problems are leased.
            rollouts: Where finished rollouts are written.
            attempter: Makes the rollouts.
            settings: Intervals of leases and retries, and the number of concurrent rollouts.
            policy_version: Returns the version that the engine has loaded.
            purpose: Lease only work for this purpose.
        """
        self._owner = owner
        self._assignments = assignments
        self._rollouts = rollouts
        self._attempter = attempter
        self._settings = settings
        self._policy_version = policy_version
        self._purpose = purpose
        self._queued: asyncio.Queue[tuple[Assignment, int]] = asyncio.Queue()
        self._finished: asyncio.Queue[Rollout] = asyncio.Queue()
        self._may_lease = asyncio.Event()
        self._may_lease.set()
        self._unwritten: Counter[int] = Counter()  # rollouts still to be written, by leased assignment
        self._stats = RolloutStats()
        self._has_written = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lease_forever(), name="lease problems")
            tasks.create_task(self._write_forever(), name="write rollouts")
            tasks.create_task(self._extend_leases_forever(), name="extend leases")
            for slot in range(self._settings.slots):
                tasks.create_task(self._attempt_forever(), name=f"slot {slot}")

    def pause(self) -> None:
        """Stop leasing; rollouts under way are finished."""
        self._may_lease.clear()

    def resume(self) -> None:
        """Lease again."""
        self._may_lease.set()

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

    async def _lease_forever(self) -> None:
        wanted = self._settings.slots
        while True:
            await self._may_lease.wait()
            # A queue as deep as the number of slots keeps them busy while the next lease is fetched.
            missing = wanted - self._queued.qsize()
            leased = await self._lease(missing) if missing * 2 >= wanted else []
            for assignment in leased:
                for sample_index in assignment.pending:
                    self._unwritten[assignment.id] += 1
                    self._queued.put_nowait((assignment, sample_index))
            if not leased:
                await asyncio.sleep(self._settings.idle_poll_s if self._queued.empty() else _QUEUED_POLL_S)

    async def _lease(self, missing_attempts: int) -> list[Assignment]:
        """Lease few problems at a time, so that several workers share the end of an iteration."""
        limit = max(1, missing_attempts // 4)
        version = self._policy_version()  # evaluations of other versions are for samplers that have loaded those
        return await self._with_retry(
            lambda: self._assignments.lease(self._owner, limit, self._settings.lease_ttl_s, version, self._purpose)
        )

    async def _attempt_forever(self) -> None:
        while True:
            assignment, sample_index = await self._queued.get()
            self._finished.put_nowait(await self._attempter.attempt(assignment, sample_index))

    async def _write_forever(self) -> None:
        while True:
            batch = [await self._finished.get()]
            await asyncio.sleep(self._settings.write_interval_s)
            while len(batch) < _WRITE_BATCH and not self._finished.empty():
                batch.append(self._finished.get_nowait())
            await self._with_retry(lambda batch=batch: self._rollouts.add(batch))  # type: ignore[misc]
            for rollout in batch:
                self._stats.add(rollout)
                self._mark_written(rollout)
            self._has_written.set()

    async def _extend_leases_forever(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_ttl_s / 3)
            if held := list(self._unwritten):
                await self._with_retry(lambda: self._assignments.extend(self._owner, held, self._settings.lease_ttl_s))

    def _mark_written(self, rollout: Rollout) -> None:
        assert rollout.assignment_id is not None
        self._unwritten[rollout.assignment_id] -= 1
        if self._unwritten[rollout.assignment_id] == 0:
            del self._unwritten[rollout.assignment_id]

    async def _with_retry[T](self, call: Callable[[], T]) -> T:
        """Run a blocking call of the store in a thread; retry for `store_retry_s` while the store is unreachable."""
        deadline = time.monotonic() + self._settings.store_retry_s
        delay_s = 0.1
        while True:
            try:
                return await asyncio.to_thread(call)
            except (StoreBusyError, StoreUnreachableError) as error:
                if time.monotonic() > deadline:
                    raise
                log.warning("store unavailable, retrying in %.1f s: %s", delay_s, error)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)
