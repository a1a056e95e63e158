"""The slots of a server: who waits, for how long, and who is refused."""

import asyncio

import pytest

from cluster.config.serving import ServingSettings
from cluster.serving.errors import ApiError
from cluster.serving.solving.slots import Slots


async def test_clients_take_turns() -> None:
    slots, order = Slots(1, ServingSettings()), []

    async def use(caller: str) -> None:
        async with slots.slot(caller):
            order.append(caller)
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        for caller in ("greedy", "greedy", "greedy", "greedy", "modest"):
            group.create_task(use(caller))
    assert order.index("modest") <= 2
    assert (slots.in_flight, slots.waiting) == (0, 0)


async def test_one_who_waits_too_long_is_refused_and_loses_no_slot() -> None:
    slots = Slots(1, ServingSettings(queue_s=0.05, retry_after_s=7))
    async with slots.slot("first"):
        with pytest.raises(ApiError, match="no slot became free in") as caught:
            async with slots.slot("second"):
                pass
    assert (caught.value.status, caught.value.retry_after_s) == (429, 7)
    assert caught.value.response().headers["retry-after"] == "7"
    async with asyncio.timeout(10), slots.slot("second"):
        assert slots.in_flight == 1


async def test_requests_beyond_those_that_may_wait_are_refused_at_once() -> None:
    slots = Slots(1, ServingSettings(max_waiting=2))
    slots.require_room(8)  # nobody waits: a request with many texts is not refused for its size
    async with slots.slot("first"):
        waiting = [asyncio.create_task(_hold(slots)) for _ in range(2)]
        await asyncio.sleep(0)
        assert slots.waiting == 2
        with pytest.raises(ApiError, match="2 texts wait already, of at most 2"):
            slots.require_room(1)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    slots.require_room(1)


async def _hold(slots: Slots) -> None:
    async with slots.slot("other"):
        await asyncio.sleep(60)
