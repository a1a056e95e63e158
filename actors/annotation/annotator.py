"""The attempts of a teacher at a task, some at a time, until all are made or the budget is spent."""

import asyncio
import logging

from actors.annotation.asking import Asking
from actors.annotation.endpoint.client import TeacherClient
from actors.annotation.endpoint.failures import RequestFailure, TeacherError
from actors.annotation.endpoint.pace import Pace, Stop, Stopped
from actors.annotation.progress import JobProgress
from actors.annotation.settings import AnnotationSettings
from actors.annotation.spending.budget import Budget, BudgetSpent, Ledger
from actors.annotation.spending.prices import most
from actors.annotation.task import AttemptFailure, Need, Task
from actors.annotation.work import Work

log = logging.getLogger(__name__)

_FAILURES_IN_A_ROW = 20


class Health:
    """Counts attempts that could not go on, in a row: an endpoint that is down would fail all of them, one by one."""

    def __init__(self, concurrency: int) -> None:
        self._limit = max(_FAILURES_IN_A_ROW, 2 * concurrency)
        self._in_a_row = 0

    def good(self) -> None:
        """An attempt ended."""
        self._in_a_row = 0

    def bad(self, reason: str) -> None:
        """An attempt could not go on. Raises TeacherError if too many in a row could not."""
        self._in_a_row += 1
        if self._in_a_row >= self._limit:
            raise TeacherError(f"{self._in_a_row} attempts in a row could not go on, the last one because of {reason}")


class Annotator:
    """Makes the attempts of a job with requests of their own, `concurrency` of them at a time."""

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
        self._task = task
        self._stop = stop
        self._progress = progress
        self._asking = Asking(settings, client, Budget(ledger, stop), Pace(settings, stop))
        self._health = Health(settings.concurrency)
        self._error: TeacherError | None = None

    async def run(self) -> None:
        """Make all attempts that have no outcome. Stops early without budget, and when it is told to.

        What is under way then is answered and stored: it has been paid for.

        Raises:
            TeacherError: the teacher cannot be used.
            AnnotationTakenError: another process took the job over.
        """
        work = self._task.open_work()
        next_one = asyncio.Lock()

        async def worker() -> None:
            while not (self._stop.is_set or self._progress.budget_is_spent):
                async with next_one:
                    one = await anext(work, None)
                if one is None:
                    return
                await self._make(one)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._settings.concurrency):
                    group.create_task(worker())
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # one cause, seen by several
        if self._error is not None:
            raise self._error

    async def _make(self, work: Work) -> None:
        """Continue an attempt to its end, or as far as it goes."""
        try:
            ended = await self._continue(work)
            self._progress.outcomes[str(ended.attempt.outcome)] += 1
            self._health.good()
            await self._task.conclude(work.problem)
        except (RequestFailure, AttemptFailure) as failure:
            await self._fail(work, str(failure))
        except BudgetSpent:  # others that are under way may need less
            self._progress.budget_is_spent = True
        except Stopped:
            pass
        except TeacherError as error:
            self._end(error)

    async def _continue(self, work: Work) -> Work:
        try:
            while (need := self._task.need(work)) is not Need.VERDICT:
                work = await (self._task.show(work) if need is Need.RETURN else self._ask(work))
        finally:
            await self._task.close(work)
        return await self._task.finish(work)

    async def _ask(self, work: Work) -> Work:
        body, attempt = self._task.body(work), work.attempt
        at_most = most(self._settings, self._ledger.price, body, in_batch=False)
        turn = await self._asking.ask(attempt.id, len(attempt.turns), body, at_most)
        self._progress.turns += 1
        return work.with_turn(turn)

    async def _fail(self, work: Work, reason: str) -> None:
        log.warning("problem %s, sample %d: %s", work.problem.id, work.attempt.sample, reason)
        self._progress.failures[reason] += 1
        await asyncio.to_thread(self._ledger.annotations.fail, work.attempt.id, reason)
        try:
            self._health.bad(reason)
        except TeacherError as error:
            self._end(error)

    def _end(self, error: TeacherError) -> None:
        """End the job with an error, once what is under way was answered."""
        self._error = self._error or error
        self._stop.set()
