"""Keeps an engine busy: leases problems, attempts them many at a time, and writes what comes out to the store."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actors.attempt import Attempter
from actors.settings import SamplerSettings
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Assignment, Outcome, Purpose, Rollout
from store.store import Store

log = logging.getLogger(__name__)

_WRITE_BATCH = 256


@dataclass(slots=True)
class Tally:
    """What was done since the last look: rollouts that are on disk, by outcome, with their tokens and blocks."""

    rollouts: int = 0
    train_rollouts: int = 0
    train_accepted: int = 0
    train_tokens: int = 0
    model_tokens: int = 0
    blocks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    executions: Counter[str] = field(default_factory=Counter)

    def add(self, rollout: Rollout) -> None:
        """Counts a rollout that the store acknowledged."""
        tokens = sum(rollout.model_mask)
        self.rollouts += 1
        self.model_tokens += tokens
        if rollout.purpose is Purpose.TRAIN:
            self.train_rollouts += 1
            self.train_accepted += rollout.outcome is Outcome.ACCEPTED
            self.train_tokens += tokens
        self.blocks += len(rollout.executions)
        self.outcomes[rollout.outcome.value] += 1
        self.executions.update(record.status for record in rollout.executions)


class RolloutWorker:
    """Leases, attempts and writes until it is stopped.

    A failure of a background task (a dead engine, a store that stays away) ends `run` with that exception, in an
    ExceptionGroup; nothing is swallowed. What was leased and not written goes to another worker when its lease ends.
    """

    def __init__(
        self,
        owner: str,
        store: Store,
        attempter: Attempter,
        settings: SamplerSettings,
        policy_version: Callable[[], int],
        purpose: Purpose | None = None,
    ) -> None:
        self._owner = owner
        self._store = store
        self._attempter = attempter
        self._settings = settings
        self._policy_version = policy_version
        self._purpose = purpose
        self._attempts: asyncio.Queue[tuple[Assignment, int]] = asyncio.Queue()
        self._finished: asyncio.Queue[Rollout] = asyncio.Queue()
        self._leasing = asyncio.Event()
        self._leasing.set()
        self._held: Counter[int] = Counter()  # leased assignments, and how many of their rollouts are not written
        self._tally = Tally()
        self._written = asyncio.Event()

    async def run(self) -> None:
        """Works until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_leasing(), name="lease problems")
            tasks.create_task(self._keep_writing(), name="write rollouts")
            tasks.create_task(self._keep_leases_alive(), name="extend leases")
            for slot in range(self._settings.engine.max_concurrent_rollouts):
                tasks.create_task(self._keep_attempting(), name=f"slot {slot}")

    def pause(self) -> None:
        """Takes no further problems; what is under way is finished."""
        self._leasing.clear()

    def resume(self) -> None:
        """Takes problems again."""
        self._leasing.set()

    @property
    def idle(self) -> bool:
        """Nothing is under way, queued or unwritten."""
        return not self._held

    async def take_tally(self, timeout_s: float) -> Tally:
        """What was written since the last call; waits for something at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._written.wait()
        except TimeoutError:
            pass
        self._written.clear()
        tally, self._tally = self._tally, Tally()
        return tally

    async def _keep_leasing(self) -> None:
        wanted = self._settings.engine.max_concurrent_rollouts
        while True:
            await self._leasing.wait()
            # A queue as deep as the slots keeps them busy while the next lease is fetched.
            missing = wanted - self._attempts.qsize()
            leased = await self._lease(missing) if missing * 2 >= wanted else []
            for assignment in leased:
                for sample_index in assignment.pending:
                    self._held[assignment.id] += 1
                    self._attempts.put_nowait((assignment, sample_index))
            if not leased:
                await asyncio.sleep(self._settings.idle_poll_s if self._attempts.empty() else 0.02)

    async def _lease(self, missing_attempts: int) -> list[Assignment]:
        """Few problems at a time, so that several workers share the end of an iteration."""
        limit = max(1, missing_attempts // 4)
        version = self._policy_version()  # evaluations of other versions are left to samplers that hold those
        return await self._on_store(
            lambda: self._store.assignments.lease(self._owner, limit, self._settings.lease_ttl_s, version, self._purpose)
        )

    async def _keep_attempting(self) -> None:
        while True:
            assignment, sample_index = await self._attempts.get()
            self._finished.put_nowait(await self._attempter.attempt(assignment, sample_index))

    async def _keep_writing(self) -> None:
        while True:
            batch = [await self._finished.get()]
            await asyncio.sleep(self._settings.write_interval_s)
            while len(batch) < _WRITE_BATCH and not self._finished.empty():
                batch.append(self._finished.get_nowait())
            await self._on_store(lambda batch=batch: self._store.rollouts.add(batch))  # type: ignore[misc]
            for rollout in batch:
                self._tally.add(rollout)
                self._let_go(rollout)
            self._written.set()

    async def _keep_leases_alive(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_ttl_s / 3)
            if held := list(self._held):
                await self._on_store(lambda: self._store.assignments.extend(self._owner, held, self._settings.lease_ttl_s))

    def _let_go(self, rollout: Rollout) -> None:
        assert rollout.assignment_id is not None
        self._held[rollout.assignment_id] -= 1
        if self._held[rollout.assignment_id] == 0:
            del self._held[rollout.assignment_id]

    async def _on_store[T](self, call: Callable[[], T]) -> T:
        """Runs a blocking call of the store in a thread; while the store is away it is tried again, for a time."""
        give_up_at = time.monotonic() + self._settings.store_retry_s
        delay_s = 0.1
        while True:
            try:
                return await asyncio.to_thread(call)
            except (StoreBusyError, StoreUnreachableError) as error:
                if time.monotonic() > give_up_at:
                    raise
                log.warning("the store is away, trying again in %.1f s: %s", delay_s, error)
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, 5.0)


def as_metrics(tally: Tally) -> dict[str, Any]:
    """The tally as plain counts, for a result that travels between processes."""
    return {
        "rollouts": tally.rollouts,
        "train_rollouts": tally.train_rollouts,
        "train_accepted": tally.train_accepted,
        "train_tokens": tally.train_tokens,
        "model_tokens": tally.model_tokens,
        "blocks": tally.blocks,
        "outcomes": dict(tally.outcomes),
        "executions": dict(tally.executions),
    }
