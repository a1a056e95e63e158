"""One turn of a teacher: reserved, sent, sent again where that can help, and stored before anything else is sent."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from actors.annotation.endpoint.client import TeacherClient
from actors.annotation.endpoint.failures import RequestFailure, TeacherError
from actors.annotation.endpoint.pace import Pace
from actors.annotation.settings import AnnotationSettings
from actors.annotation.spending.budget import Budget
from store.records import Amount, TeacherTurn

log = logging.getLogger(__name__)


class Asking:
    """Asks a teacher for turns, one request each."""

    def __init__(self, settings: AnnotationSettings, client: TeacherClient, budget: Budget, pace: Pace) -> None:
        self._settings = settings
        self._client = client
        self._budget = budget
        self._pace = pace

    async def ask(self, attempt_id: int, number: int, body: Mapping[str, Any], most: Amount) -> TeacherTurn:
        """The next turn of an attempt, stored.

        Raises:
            RequestFailure: there is none, after all retries.
            TeacherError: there will be none to any request.
            BudgetSpent: there is no money left for it.
            Stopped: the job was told to stop.
        """
        failed: list[RequestFailure] = []
        limited_since_s: float | None = None
        while True:
            try:
                return await self._once(attempt_id, number, body, most)
            except RequestFailure as failure:
                failed.append(failure)
                if failure.is_rate_limit and limited_since_s is None:
                    limited_since_s = time.monotonic()
                self._require_retry(failed, time.monotonic() - (limited_since_s or time.monotonic()))
                log.warning("attempt %d, turn %d: %s; sent again", attempt_id, number, failure)
                await self._pace.pause(failure, len(failed))

    async def _once(self, attempt_id: int, number: int, body: Mapping[str, Any], most: Amount) -> TeacherTurn:
        await self._pace.wait()
        request = await self._budget.reserve(attempt_id, number, most)
        try:
            reply = await self._client.send(body)
        except RequestFailure as failure:
            await self._budget.fail(request, failure)
            raise
        except TeacherError as error:
            await self._budget.fail(request, RequestFailure(str(error)))
            raise
        return await self._budget.settle(request, reply)

    def _require_retry(self, failed: Sequence[RequestFailure], waited_s: float) -> None:
        """Raise the last failure if the request is not to be sent again. Rate limits have a limit of their own."""
        failure, limit_s = failed[-1], self._settings.rate_limit_s
        if failure.is_final or sum(not one.is_rate_limit for one in failed) > self._settings.retries:
            raise failure
        if failure.wait_s is not None and failure.wait_s > limit_s:
            raise TeacherError(
                f"the server asks to wait for {failure.wait_s:.0f} s, more than {limit_s:.0f}: {failure}"
            )
        if failure.is_rate_limit and waited_s > limit_s:
            raise TeacherError(f"the server's rate limit let a request wait for {waited_s:.0f} s: {failure}")
