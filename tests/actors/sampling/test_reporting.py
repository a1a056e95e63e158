"""Reports of a sampler's state, written to a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from actors.sampling import reporting
from actors.sampling.reporting import StateReporter
from store.errors import StoreUnreachableError
from store.runs.samplers import SamplerState, SamplerStatus
from store.store import Store

from ..scripted import Clock, until

INTERVAL_S = 0.2


class Reported:
    """What a sampler says of itself."""

    def __init__(self) -> None:
        self.state: tuple[SamplerState, str | None] = (SamplerState.STARTING, None)
        self.version = -1
        self.tokens = 0
        self.doing: str | None = None


@pytest.fixture
def sampler(store: Store, monkeypatch: pytest.MonkeyPatch) -> Reported:
    monkeypatch.setattr(reporting, "_POLL_S", 0.02)
    store.samplers.register("sampler-1", "host")
    return Reported()


@asynccontextmanager
async def reporting_on(sampler: Reported, store: Store, interval_s: float = INTERVAL_S) -> AsyncIterator[None]:
    reporter = StateReporter("sampler-1", store.samplers, interval_s)
    run = reporter.run(lambda: sampler.state, lambda: sampler.version, lambda: sampler.tokens, lambda: sampler.doing)
    running = asyncio.create_task(run)
    try:
        yield
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])


def status(store: Store) -> SamplerStatus:
    return store.samplers.all()[0]


async def test_a_change_is_written_at_once(store: Store, sampler: Reported) -> None:
    async with reporting_on(sampler, store, interval_s=3600):
        sampler.state, sampler.version = (SamplerState.SAMPLING, None), 3
        await until(lambda: status(store).state is SamplerState.SAMPLING)
        assert status(store).policy_version == 3
        sampler.state = SamplerState.LOADING, "policy 4"
        await until(lambda: status(store).detail == "policy 4")
        sampler.version = 4
        await until(lambda: status(store).policy_version == 4)


async def test_before_its_start_an_engine_holds_no_policy(store: Store, sampler: Reported, clock: Clock) -> None:
    clock.now_s += 100
    async with reporting_on(sampler, store):
        await until(lambda: status(store).reported_at == clock.now_s)
        assert status(store).policy_version is None


async def test_an_unchanged_state_is_reported_as_a_sign_of_life_without_progress(
    store: Store, sampler: Reported, clock: Clock
) -> None:
    async with reporting_on(sampler, store):
        clock.now_s += 100
        await until(lambda: status(store).reported_at == clock.now_s)
        before = status(store).progress_at
        clock.now_s += 100
        await until(lambda: status(store).reported_at == clock.now_s)
        assert status(store).progress_at in (before, clock.now_s - 100)
        sampler.tokens += 1
        clock.now_s += 100
        await until(lambda: status(store).progress_at == clock.now_s)


async def test_a_report_that_the_store_did_not_take_is_made_again(
    store: Store, sampler: Reported, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    report, failures = store.samplers.report, 2

    def fail_twice(*args: object, **kwargs: object) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnreachableError("away")
        report(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(store.samplers, "report", fail_twice)
    clock.now_s += 100
    async with reporting_on(sampler, store, interval_s=3600):
        sampler.tokens += 1
        await until(lambda: status(store).reported_at == clock.now_s)
        assert failures == 0
        assert status(store).progress_at == clock.now_s, "progress that was not reported is not lost"


async def test_what_a_sampler_is_at_is_reported_where_nothing_holds_it_up(store: Store, sampler: Reported) -> None:
    async with reporting_on(sampler, store):
        sampler.state, sampler.doing = (SamplerState.SAMPLING, None), "8 attempts held"
        await until(lambda: status(store).detail == "8 attempts held")
        sampler.state = SamplerState.WAITING, "waits for the store"
        await until(lambda: status(store).detail == "waits for the store")


async def test_a_change_of_what_it_is_at_waits_for_the_next_report(store: Store, sampler: Reported) -> None:
    sampler.doing = "8 attempts held"
    async with reporting_on(sampler, store, interval_s=3600):
        await until(lambda: status(store).detail == "8 attempts held")
        sampler.doing = "9 attempts held"
        await asyncio.sleep(0.1)
        assert status(store).detail == "8 attempts held"
