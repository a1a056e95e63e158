"""Calls of a store that is away: repeated, told to who asks, and given up in the end."""

import asyncio
import threading
import time

import pytest

from actors.sampling import store_calls
from actors.sampling.store_calls import StoreCalls
from store.errors import StoreBusyError, StoreUnreachableError

from ..scripted import until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_calls, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(store_calls, "_NOTICEABLE_S", 0.05)


@pytest.mark.parametrize("error", [StoreBusyError, StoreUnreachableError])
async def test_a_call_is_repeated_until_the_store_answers(error: type[Exception]) -> None:
    failures = iter([error("away"), error("away")])

    def call() -> int:
        for failure in failures:
            raise failure
        return 7

    calls = StoreCalls(retry_s=30)
    assert await calls.call(call) == 7
    assert calls.waits_for is None


async def test_what_is_waited_for_is_told_until_it_is_over() -> None:
    is_away = True

    def call() -> int:
        if is_away:
            raise StoreUnreachableError("no space left on the device")
        return 7

    calls = StoreCalls(retry_s=30)
    waiting = asyncio.create_task(calls.call(call))
    await until(lambda: calls.waits_for == "no space left on the device")
    is_away = False
    assert await waiting == 7
    assert calls.waits_for is None


async def test_a_call_that_does_not_return_is_told_too() -> None:
    """As when the store's own retries wait for a server, or a disk does not answer."""
    goes_on = threading.Event()
    calls = StoreCalls(retry_s=30)
    waiting = asyncio.create_task(calls.call(lambda: goes_on.wait(30)))
    await until(lambda: calls.waits_for)
    assert "no answer" in str(calls.waits_for)
    goes_on.set()
    assert await waiting
    assert calls.waits_for is None


async def test_a_moment_is_not_told() -> None:
    calls = StoreCalls(retry_s=30)
    waiting = asyncio.create_task(calls.call(lambda: time.sleep(0.01)))
    await asyncio.sleep(0)
    assert calls.waits_for is None
    await waiting


async def test_a_store_that_stays_away_raises_its_last_error() -> None:
    def call() -> int:
        raise StoreBusyError("locked")

    calls = StoreCalls(retry_s=0.03)
    with pytest.raises(StoreBusyError, match="locked"):
        async with asyncio.timeout(30):
            await calls.call(call)
    assert calls.waits_for is None


async def test_other_errors_are_raised_at_once() -> None:
    num_calls = 0

    def call() -> int:
        nonlocal num_calls
        num_calls += 1
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        await StoreCalls(retry_s=30).call(call)
    assert num_calls == 1


async def test_of_two_calls_the_one_that_waits_is_told() -> None:
    calls = StoreCalls(retry_s=30)

    def fail() -> int:
        raise StoreUnreachableError("away")

    waiting = asyncio.create_task(calls.call(fail))
    await until(lambda: calls.waits_for == "away")
    assert await calls.call(lambda: 7) == 7
    assert calls.waits_for == "away"
    waiting.cancel()
    await asyncio.wait([waiting])
    assert calls.waits_for is None
