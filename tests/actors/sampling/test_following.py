"""Following the store: what is named is loaded, refusals are tried again, and what was replaced is not loaded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.engine import EngineDied, SwapError
from actors.sampling import following
from actors.sampling.following import REFUSALS_ALLOWED, PolicyFollower, PolicyRefusedError
from store.records import PolicyPointer

from ..scripted import until


def policy(version: int) -> PolicyPointer:
    return PolicyPointer(version, f"policies/{version}")


class LoadingEngine:
    """An engine that loads what it is told, unless `refusals` of that version are left."""

    def __init__(self) -> None:
        self.version = 1
        self.refusals: dict[int, int] = {}
        self.prefetched: list[int] = []
        self.swapped: list[int] = []
        self.may_prefetch = asyncio.Event()
        self.may_prefetch.set()

    async def prefetch(self, policy: PolicyPointer) -> None:
        self.prefetched.append(policy.version)
        await self.may_prefetch.wait()
        if self.refusals.get(policy.version, 0):
            self.refusals[policy.version] -= 1
            raise SwapError(f"{policy.path} is truncated")

    async def swap(self, policy: PolicyPointer) -> None:
        self.swapped.append(policy.version)
        self.version = policy.version


class Evaluations:
    """Swaps wait for these."""

    def __init__(self) -> None:
        self.are_settled = asyncio.Event()
        self.are_settled.set()
        self.num_waiting = 0

    @asynccontextmanager
    async def settled(self) -> AsyncIterator[None]:
        self.num_waiting += 1
        await self.are_settled.wait()
        yield


@asynccontextmanager
async def followed(engine: LoadingEngine, evaluations: Evaluations | None = None) -> AsyncIterator[PolicyFollower]:
    follower = PolicyFollower(engine, (evaluations or Evaluations()).settled)
    running = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert running.cancelled(), "nothing else has ended it"


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(following, "_LONGEST_PAUSE_S", 0.01)


async def test_a_named_policy_is_read_and_then_loaded() -> None:
    engine = LoadingEngine()
    async with followed(engine) as follower:
        assert (follower.version, follower.target) == (1, None)
        follower.follow(policy(2))
        assert follower.target == policy(2)
        await until(lambda: engine.version == 2)
        assert (engine.prefetched, engine.swapped) == ([2], [2])
        assert (follower.version, follower.target, follower.refusal) == (2, None, None)


async def test_the_policy_that_is_held_is_not_loaded_again() -> None:
    engine = LoadingEngine()
    async with followed(engine) as follower:
        follower.follow(policy(1))
        follower.follow(None)
        await asyncio.sleep(0.05)
        assert (engine.prefetched, engine.swapped, follower.target) == ([], [], None)


async def test_a_swap_waits_for_evaluations_but_reading_does_not() -> None:
    engine, evaluations = LoadingEngine(), Evaluations()
    evaluations.are_settled.clear()
    async with followed(engine, evaluations) as follower:
        follower.follow(policy(2))
        await until(lambda: evaluations.num_waiting)
        assert (engine.prefetched, engine.swapped) == ([2], [])
        evaluations.are_settled.set()
        await until(lambda: engine.version == 2)


async def test_a_policy_that_is_replaced_while_it_is_read_is_not_loaded() -> None:
    engine = LoadingEngine()
    engine.may_prefetch.clear()
    async with followed(engine) as follower:
        follower.follow(policy(2))
        await until(lambda: engine.prefetched == [2])
        follower.follow(policy(3))
        engine.may_prefetch.set()
        await until(lambda: engine.version == 3)
        assert engine.swapped == [3]


async def test_a_sampler_that_is_to_stay_after_all_does_not_swap_to_and_fro() -> None:
    engine, evaluations = LoadingEngine(), Evaluations()
    evaluations.are_settled.clear()
    async with followed(engine, evaluations) as follower:
        follower.follow(policy(2))
        await until(lambda: evaluations.num_waiting)
        follower.follow(policy(1))
        evaluations.are_settled.set()
        await asyncio.sleep(0.05)
        assert (engine.swapped, engine.version, follower.target) == ([], 1, None)
        follower.follow(policy(2))
        await until(lambda: engine.version == 2)
        assert engine.swapped == [2]


@pytest.mark.usefixtures("no_pauses")
async def test_a_refused_policy_is_tried_again_and_the_reason_is_told_meanwhile() -> None:
    engine = LoadingEngine()
    engine.refusals[2] = REFUSALS_ALLOWED - 1
    async with followed(engine) as follower:
        with pytest.raises(SwapError, match="policies/2 is truncated"):
            await follower.loaded(policy(2))
        assert (follower.version, follower.target, follower.refusal) == (1, policy(2), "policies/2 is truncated")
        await until(lambda: engine.version == 2)
        assert (follower.target, follower.refusal) == (None, None)


@pytest.mark.usefixtures("no_pauses")
async def test_too_many_refusals_of_one_policy_end_the_sampler() -> None:
    engine = LoadingEngine()
    engine.refusals[2] = REFUSALS_ALLOWED
    follower = PolicyFollower(engine, Evaluations().settled)
    follower.follow(policy(2))
    message = rf"policy 2 was refused {REFUSALS_ALLOWED} times: policies/2 is truncated"
    with pytest.raises(PolicyRefusedError, match=message):
        async with asyncio.timeout(30):
            await follower.run()


@pytest.mark.usefixtures("no_pauses")
async def test_refusals_of_one_policy_do_not_count_against_the_next() -> None:
    engine = LoadingEngine()
    engine.refusals = {2: REFUSALS_ALLOWED, 3: REFUSALS_ALLOWED - 1}
    async with followed(engine) as follower:
        follower.follow(policy(2))
        await until(lambda: engine.refusals[2] <= 1)
        follower.follow(policy(3))
        await until(lambda: engine.version == 3)


async def test_a_policy_that_replaces_a_refused_one_is_loaded_without_a_pause() -> None:
    engine = LoadingEngine()
    engine.refusals[2] = 1
    async with followed(engine) as follower:
        follower.follow(policy(2))
        await until(lambda: follower.refusal)
        follower.follow(policy(3))
        assert follower.refusal is None
        async with asyncio.timeout(following._FIRST_PAUSE_S / 2):
            await follower.loaded(policy(3))


async def test_who_waits_for_a_policy_that_is_replaced_gets_an_error() -> None:
    engine = LoadingEngine()
    engine.may_prefetch.clear()
    async with followed(engine) as follower:
        waiting = asyncio.create_task(follower.loaded(policy(2)))
        await until(lambda: engine.prefetched == [2])
        follower.follow(policy(1))  # a lease names the one that is held
        engine.may_prefetch.set()
        with pytest.raises(SwapError, match="policy 2 was replaced by another one"):
            async with asyncio.timeout(30):
                await waiting
        assert engine.version == 1


async def test_who_waits_for_a_policy_that_was_replaced_at_once_gets_an_error_too() -> None:
    engine = LoadingEngine()
    async with followed(engine) as follower:
        await asyncio.sleep(0)
        waiting = asyncio.create_task(follower.loaded(policy(2)))
        await asyncio.sleep(0)
        follower.follow(policy(1))
        with pytest.raises(SwapError, match="policy 2 was replaced"):
            async with asyncio.timeout(30):
                await waiting


async def test_a_dead_engine_ends_the_follower_with_its_error() -> None:
    class DyingEngine(LoadingEngine):
        async def swap(self, policy: PolicyPointer) -> None:
            raise EngineDied("half of the weights are loaded")

    follower = PolicyFollower(DyingEngine(), Evaluations().settled)
    follower.follow(policy(2))
    with pytest.raises(EngineDied, match="half of the weights"):
        async with asyncio.timeout(30):
            await follower.run()
