"""The semaphore's slots are bounded, and fair between callers."""

import asyncio

import pytest

from sandbox.fair_semaphore import FairSemaphore


async def order_served(semaphore: FairSemaphore, callers: list[str]) -> list[str]:
    """The callers in the order in which they acquire a slot, if all of them wait while the only one is held."""
    order: list[str] = []

    async def hold(caller: str) -> None:
        async with semaphore.slot(caller):
            order.append(caller)

    async with semaphore.slot("holder"):
        waiting = [asyncio.create_task(hold(caller)) for caller in callers]
        await asyncio.sleep(0)
        assert semaphore.waiting == len(callers)
    await asyncio.gather(*waiting)
    return order


async def test_a_caller_with_many_waiters_does_not_starve_another() -> None:
    callers = ["a"] * 4 + ["b"] * 2 + ["c"]
    assert await order_served(FairSemaphore(1), callers) == ["a", "b", "c", "a", "b", "a", "a"]


async def test_no_more_slots_are_held_than_there_are() -> None:
    semaphore, held, most = FairSemaphore(3), 0, 0

    async def hold() -> None:
        nonlocal held, most
        async with semaphore.slot(""):
            held += 1
            most = max(most, held)
            await asyncio.sleep(0)
            held -= 1

    await asyncio.gather(*(hold() for _ in range(20)))
    assert most == 3
    assert semaphore.waiting == 0


@pytest.mark.parametrize("released_first", [True, False])
async def test_a_cancelled_wait_leaves_the_queue_and_loses_no_slot(released_first: bool) -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("holder")
    waiting = asyncio.create_task(semaphore.acquire("x"))
    await asyncio.sleep(0)
    if released_first:  # the slot passes to the waiter, which is then cancelled
        semaphore.release()
        waiting.cancel()
    else:
        waiting.cancel()
        semaphore.release()
    await asyncio.wait([waiting])
    assert semaphore.waiting == 0
    async with asyncio.timeout(5), semaphore.slot("y"):
        pass
