"""The attempts of a job in batches: in each round, every attempt that is under way gets one turn."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from actors.annotation.batches.batch_api import BatchApi, Results
from actors.annotation.dialogue.replies import Reply
from actors.annotation.endpoint.client import TeacherClient
from actors.annotation.endpoint.failures import RequestFailure, TeacherError
from actors.annotation.endpoint.pace import Stop, Stopped
from actors.annotation.progress import JobProgress
from actors.annotation.settings import AnnotationSettings
from actors.annotation.spending.budget import Ledger
from actors.annotation.spending.prices import most
from actors.annotation.task import AttemptFailure, Need, Task
from actors.annotation.work import Work
from store.records import Reservation

_UNANSWERED = RequestFailure("the batch ended without an answer", is_lost=True)
_UNKNOWN = RequestFailure("the endpoint does not know the batch that it was sent in", is_lost=True)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request of a batch, with the attempt that it is a turn of."""

    reservation: Reservation
    work: Work
    body: dict[str, Any]


class BatchAnnotator:
    """Makes the attempts of a job, at most `batch_size` at a time, each with one request per batch."""

    def __init__(
        self,
        settings: AnnotationSettings,
        ledger: Ledger,
        client: TeacherClient,
        task: Task,
        stop: Stop,
        progress: JobProgress,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._api = BatchApi(settings, client.api, stop)
        self._task = task
        self._stop = stop
        self._progress = progress
        self._failed: Counter[int] = Counter()  # requests without an answer, by attempt

    async def run(self) -> None:
        """Make all attempts that have no outcome. Stops early without budget, and when it is told to.

        A batch that is under way then goes on at the endpoint, and the next start reads its answers.

        Raises:
            TeacherError: the teacher cannot be used.
            AnnotationTakenError: another process took the job over.
        """
        try:
            await self._finish_batches()
            work = self._task.open_work()
            under_way: list[Work] = []
            while under_way := await self._filled(under_way, work):
                requests = await self._reserve(under_way)
                if not requests:
                    self._progress.budget_is_spent = True
                    return
                under_way = await self._round(under_way, requests)
        except Stopped:
            return

    async def _finish_batches(self) -> None:
        """Read the answers of batches that an earlier process began."""
        batches = await asyncio.to_thread(self._ledger.annotations.batches_under_way, self._ledger.job_id)
        for key, requests in batches.items():
            name = await self._find(key)
            missing, results = (_UNKNOWN, {}) if name is None else await self._results(name)
            for reservation in requests:
                await self._settle(reservation, results.get(reservation.id, missing))

    async def _results(self, name: str) -> tuple[RequestFailure, Results]:
        """The answers of a batch, and what became of the requests that are missing in them."""
        try:
            return _UNANSWERED, await self._api.results(name)
        except RequestFailure as failure:
            return failure, {}

    async def _find(self, key: str) -> str | None:
        try:
            return await self._api.find(key)
        except RequestFailure as failure:
            raise TeacherError(f"it is not known what became of batch {key}: {failure}; start again later") from failure

    async def _filled(self, under_way: list[Work], work: AsyncIterator[Work]) -> list[Work]:
        """The attempts that need a turn of the teacher: those under way that do, and new ones beside them."""
        ready = await self._advance(under_way)
        while len(ready) < self._settings.batch_size and not self._stop.is_set:
            new = [one async for one in _first(work, self._settings.batch_size - len(ready))]
            if not new:
                break
            ready += await self._advance(new)
        if self._stop.is_set:
            raise Stopped
        return ready

    async def _advance(self, works: Sequence[Work]) -> list[Work]:
        """Run the code of attempts and judge their answers; returns those that need a turn."""
        slots = asyncio.Semaphore(self._settings.concurrency)

        async def advance(work: Work) -> Work | None:
            async with slots:
                return await self._advance_one(work)

        advanced = await asyncio.gather(*(advance(work) for work in works))
        return [work for work in advanced if work is not None]

    async def _advance_one(self, work: Work) -> Work | None:
        try:
            while (need := self._task.need(work)) is Need.RETURN:
                work = await self._task.show(work)
            if need is Need.TURN:
                return work
            ended = await self._task.finish(work)
            self._progress.outcomes[str(ended.attempt.outcome)] += 1
            await self._task.conclude(work.problem)
        except AttemptFailure as failure:
            await self._fail(work, str(failure))
        finally:
            await self._task.close(work)
        return None

    async def _reserve(self, works: Sequence[Work]) -> dict[str, _Request]:
        """Reserve a request for each attempt, as far as the budget goes, under the key of a new batch."""
        key, requests = uuid.uuid4().hex, {}
        for work in works:
            attempt = work.attempt
            body = self._task.body(work)
            at_most = most(self._settings, self._ledger.price, body, in_batch=True)
            reservation = Reservation(uuid.uuid4().hex, attempt.id, len(attempt.turns), at_most, key)
            if not await self._ledger.reserve(reservation):
                break
            requests[reservation.id] = _Request(reservation, work, body)
        return requests

    async def _round(self, under_way: Sequence[Work], requests: dict[str, _Request]) -> list[Work]:
        """Send a batch, wait for it, and store its answers; returns the attempts that go on."""
        results = await self._send(requests)
        asked = {request.work.attempt.id for request in requests.values()}
        going_on = [work for work in under_way if work.attempt.id not in asked]
        for request_id, request in requests.items():
            work = await self._answered(request, results.get(request_id, _UNANSWERED))
            going_on += [work] if work is not None else []
        return going_on

    async def _send(self, requests: dict[str, _Request]) -> Results:
        key = next(iter(requests.values())).reservation.batch
        assert key is not None
        try:
            name = await self._api.begin(key, {name: request.body for name, request in requests.items()})
            return await self._api.results(name)
        except RequestFailure as failure:
            if not failure.is_lost:  # else it may be under way, and the next start looks for it
                for request in requests.values():
                    await self._ledger.fail(request.reservation, failure)
            raise TeacherError(f"the batch was not begun: {failure}") from failure

    async def _answered(self, request: _Request, result: Reply | RequestFailure) -> Work | None:
        work, attempt = request.work, request.work.attempt
        if isinstance(result, Reply):
            turn = await self._ledger.settle(request.reservation, result)
            self._progress.turns += 1
            return work.with_turn(turn)
        await self._ledger.fail(request.reservation, result)
        self._failed[attempt.id] += 1
        if not result.is_final and self._failed[attempt.id] <= self._settings.retries:
            return work
        await self._fail(work, str(result))
        return None

    async def _settle(self, reservation: Reservation, result: Reply | RequestFailure) -> None:
        if isinstance(result, Reply):
            await self._ledger.settle(reservation, result)
            self._progress.turns += 1
        else:
            await self._ledger.fail(reservation, result)

    async def _fail(self, work: Work, reason: str) -> None:
        self._progress.failures[reason] += 1
        await asyncio.to_thread(self._ledger.annotations.fail, work.attempt.id, reason)


async def _first(work: AsyncIterator[Work], count: int) -> AsyncIterator[Work]:
    """The next so many."""
    for _ in range(count):
        one = await anext(work, None)
        if one is None:
            return
        yield one
