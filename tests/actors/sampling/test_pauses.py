"""Pauses, by a run whose desired state is set from outside."""

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from actors.sampling import pauses
from actors.sampling.pauses import Pauses
from actors.sampling.store_calls import StoreCalls
from store.runs.run_state import DesiredState
from store.store import Store

WAIT_S = 0.3
SOON_S = 10.0


@pytest.fixture(autouse=True)
def short_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "_POLL_S", 0.01)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(f"sqlite:///{tmp_path / 'store.db'}")


def of(store: Store, release_s: float) -> Pauses:
    return Pauses(store.run, StoreCalls(retry_s=5.0), release_s)


@asynccontextmanager
async def running(call: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.ensure_future(call)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def has_ended(task: "asyncio.Task[None]", within_s: float) -> bool:
    return bool((await asyncio.wait([task], timeout=within_s))[0])


async def test_the_end_of_a_pause_is_waited_for(store: Store) -> None:
    store.run.set_desired(DesiredState.PAUSED)
    waiting = of(store, math.inf)
    async with running(waiting.over()) as over:
        assert not await has_ended(over, WAIT_S)
        assert waiting.are_waited_for
        store.run.set_desired(DesiredState.RUNNING)
        assert await has_ended(over, SOON_S)
        assert not waiting.are_waited_for


@pytest.mark.parametrize("desired", [DesiredState.RUNNING, DesiredState.STOPPED])
async def test_without_a_pause_nothing_is_waited_for(store: Store, desired: DesiredState) -> None:
    store.run.set_desired(desired)
    async with running(of(store, 1.0).over()) as over:
        assert await has_ended(over, SOON_S)


async def test_a_pause_is_long_after_its_limit_without_work(store: Store) -> None:
    is_idle = False
    async with running(of(store, 0.05).long(lambda: is_idle)) as long:
        assert not await has_ended(long, WAIT_S)
        store.run.set_desired(DesiredState.PAUSED)
        assert not await has_ended(long, WAIT_S), "attempts are still under way"
        is_idle = True
        assert await has_ended(long, SOON_S)


async def test_short_pauses_do_not_add_up(store: Store) -> None:
    async with running(of(store, 1.5).long(lambda: True)) as long:
        for _ in range(4):
            store.run.set_desired(DesiredState.PAUSED)
            assert not await has_ended(long, 0.5)
            store.run.set_desired(DesiredState.RUNNING)
            assert not await has_ended(long, 0.2)


async def test_no_pause_is_long_if_the_engine_is_to_stay(store: Store) -> None:
    store.run.set_desired(DesiredState.PAUSED)
    async with running(of(store, math.inf).long(lambda: True)) as long:
        assert not await has_ended(long, WAIT_S)
