"""The budget of a job: a request is reserved before it is sent, and settled once it is known what it cost."""

import asyncio
import uuid
from dataclasses import dataclass
from decimal import Decimal

from actors.annotation.dialogue.replies import Reply, stored_reply
from actors.annotation.endpoint.failures import RequestFailure, TeacherError
from actors.annotation.endpoint.pace import Stop, Stopped
from actors.annotation.settings import TokenPrice
from actors.annotation.spending.prices import cost, microdollars
from store.annotation.annotations import Annotations
from store.records import Amount, Reservation, TeacherTurn


class BudgetSpent(Exception):  # noqa: N818 - an end, not an error
    """What is left of the budget does not suffice for the next request, and nothing is under way that could free it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The budget of a job, over all its starts: dollars, and tokens of prompts and completions together."""

    dollars: Decimal | None = None
    tokens: int | None = None

    @property
    def stored(self) -> tuple[int | None, int | None]:
        """The limits in the units of the store."""
        return None if self.dollars is None else microdollars(self.dollars), self.tokens


@dataclass(frozen=True, slots=True)
class Ledger:
    """A job's entries in the store, written by the process that is at work on it."""

    annotations: Annotations
    job_id: int
    owner: str
    limits: Limits
    price: TokenPrice

    async def reserve(self, request: Reservation) -> bool:
        """Reserve a request; False if the budget has no room for it."""
        limits = self.limits.stored
        return await asyncio.to_thread(self.annotations.reserve, self.job_id, self.owner, request, limits)

    async def settle(self, request: Reservation, reply: Reply) -> TeacherTurn:
        """Store an answer, and count what it cost.

        Raises:
            TeacherError: it cost more than a request of this size can, so that the budget could be exceeded.
        """
        usage, turn = reply.usage, TeacherTurn(request.turn, stored_reply(reply))
        paid = None if usage is None else cost(self.price, usage, in_batch=request.batch is not None)
        await asyncio.to_thread(self.annotations.add_turn, request.attempt_id, turn, request.id, paid, usage)
        if usage is not None and paid is not None:
            self._check(Amount(paid, usage.tokens), request.most)
        return turn

    async def fail(self, request: Reservation, failure: RequestFailure) -> None:
        """Count a request without an answer: with all that it could cost if it may have been answered."""
        end = self.annotations.lose if failure.is_lost else self.annotations.refuse
        await asyncio.to_thread(end, request.id, str(failure))

    @staticmethod
    def _check(paid: Amount, most: Amount) -> None:
        if paid.microusd > most.microusd or paid.tokens > most.tokens:
            raise TeacherError(
                f"the server counted {paid.tokens:,} tokens for a request that can have {most.tokens:,} at most: its "
                "usage is wrong, it ignores the limit of an answer, or it adds to the prompt (overhead_tokens)"
            )


class Budget:
    """Hands out the budget to requests that are sent one by one. They wait for each other where it is tight."""

    def __init__(self, ledger: Ledger, stop: Stop) -> None:
        self._ledger = ledger
        self._stop = stop
        self._under_way = 0
        self._changed = asyncio.Condition()

    async def reserve(self, attempt_id: int, turn: int, most: Amount) -> Reservation:
        """Reserve a request. If the budget has no room, wait for the requests under way, which may cost less.

        Raises:
            BudgetSpent: there is no room, and nothing is under way.
            Stopped: the job was told to stop.
        """
        request = Reservation(uuid.uuid4().hex, attempt_id, turn, most)
        async with self._changed:
            while True:
                if self._stop.is_set:
                    raise Stopped
                if await self._ledger.reserve(request):
                    self._under_way += 1
                    return request
                if not self._under_way:
                    self._changed.notify_all()
                    raise BudgetSpent
                await self._changed.wait()

    async def settle(self, request: Reservation, reply: Reply) -> TeacherTurn:
        """Store the answer to a request, and count what it cost. Raises as `Ledger.settle` does."""
        try:
            return await self._ledger.settle(request, reply)
        finally:
            await self._end()

    async def fail(self, request: Reservation, failure: RequestFailure) -> None:
        """Count a request without an answer."""
        await self._ledger.fail(request, failure)
        await self._end()

    async def _end(self) -> None:
        async with self._changed:
            self._under_way -= 1
            self._changed.notify_all()
