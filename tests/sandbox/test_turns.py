"""Turns are bounded and fair."""

import asyncio

import pytest

from sandbox.turns import Turns


async def taken_in_order(turns: Turns, callers: list[str]) -> list[str]:
    """Who got a turn when, if all of them ask while the only one is taken."""
    order: list[str] = []

    async def ask(caller: str) -> None:
        async with turns.turn(caller):
            order.append(caller)

    async with turns.turn("holder"):
        asking = [asyncio.create_task(ask(caller)) for caller in callers]
        await asyncio.sleep(0)
        assert turns.waiting == len(callers)
    await asyncio.gather(*asking)
    return order


async def test_one_who_asks_often_does_not_starve_another() -> None:
    assert await taken_in_order(Turns(1), ["a"] * 4 + ["b"] * 2 + ["c"]) == ["a", "b", "c", "a", "b", "a", "a"]


async def test_no_more_than_the_bound_at_one_time() -> None:
    turns, at_once, most = Turns(3), 0, 0

    async def ask() -> None:
        nonlocal at_once, most
        async with turns.turn(""):
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0)
            at_once -= 1

    await asyncio.gather(*(ask() for _ in range(20)))
    assert most == 3
    assert turns.waiting == 0


@pytest.mark.parametrize("free_first", [True, False])
async def test_a_cancelled_wait_leaves_the_queue_and_loses_no_turn(free_first: bool) -> None:
    turns = Turns(1)
    holder = turns.turn("holder")
    await holder.__aenter__()
    waiting = asyncio.create_task(turns.turn("x").__aenter__())
    await asyncio.sleep(0)
    if free_first:  # the turn is handed on, then the one who has it is cancelled
        await holder.__aexit__(None, None, None)
        waiting.cancel()
    else:
        waiting.cancel()
        await holder.__aexit__(None, None, None)
    await asyncio.wait([waiting])
    assert turns.waiting == 0
    async with asyncio.timeout(5), turns.turn("y"):
        pass
