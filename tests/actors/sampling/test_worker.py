"""The rollout worker with a scripted engine, but a real store and a real sandbox."""

import asyncio
from collections import Counter
from contextlib import nullcontext
from typing import Any

import pytest

from actors.attempts.attempt import Attempter
from actors.engine import EngineDied
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from actors.sampling.following import PolicyFollower
from actors.sampling.worker import LeaseTerms, RolloutWorker
from actors.settings import EngineSettings, SamplerSettings
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Outcome
from store.store import Store

from ..scripted import ALL_IDS, SETTINGS, Clock, ScriptedEngine, Work, is_done, is_idle, until, written_ids


async def test_every_scheduled_rollout_arrives_exactly_once(
    store: Store, work: Work, codec: Codec, solves: Any
) -> None:
    engine = ScriptedEngine(codec, solves)
    async with work(engine) as worker:
        await until(lambda: is_done(store) and is_idle(worker))
        stats = await worker.drain_stats(1)
    assert written_ids(store) == Counter(ALL_IDS)
    assert stats.rollouts == stats.train_accepted == stats.blocks == len(ALL_IDS)
    assert stats.to_metrics()["outcomes"] == {"accepted": len(ALL_IDS)}
    assert stats.to_metrics()["executions"] == {"ok": len(ALL_IDS)}
    rollouts = list(store.rollouts.iterate())
    assert stats.train_tokens == stats.model_tokens == sum(sum(rollout.model_mask) for rollout in rollouts)
    assert len({rollout.seed for rollout in rollouts} - {None}) == len(ALL_IDS)
    for rollout in rollouts:
        number = rollout.problem_id.removeprefix("p")
        assert (rollout.outcome, rollout.answer) == (Outcome.ACCEPTED, number)
        assert codec.decode(rollout.prompt_ids + rollout.token_ids) == (
            f"Question: What is {number} + 0?\nSolution:\n```python\nprint({number} + 0)\n```\n"
            f"```output\n{number}\n```\n\\boxed{{{number}}}"
        )


async def test_another_worker_finishes_for_a_cancelled_one_once_its_leases_expire(
    store: Store, work: Work, codec: Codec, solves: Any, clock: Clock
) -> None:
    first = ScriptedEngine(codec, solves)
    async with work(first):
        await until(lambda: store.iterations.progress(1)[0] >= 4)
        first.may_answer.clear()
        await until(lambda: first.num_waiting > 0)
    assert not is_done(store)
    clock.now_s += SETTINGS.lease_ttl_s + 1
    async with work(ScriptedEngine(codec, solves), owner="second"):
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_two_workers_whose_leases_overlap_lose_and_duplicate_nothing(
    store: Store, work: Work, codec: Codec, solves: Any, clock: Clock
) -> None:
    slow, quick = ScriptedEngine(codec, solves), ScriptedEngine(codec, solves)
    slow.may_answer.clear()
    engine = EngineSettings(max_concurrent_rollouts=len(ALL_IDS), max_model_len=600)
    async with work(slow, owner="slow", settings=SETTINGS.model_copy(update={"engine": engine})) as worker:
        await until(lambda: slow.num_waiting == len(ALL_IDS))
        store.samplers.remove("slow")  # so that it shares nothing
        clock.now_s += SETTINGS.lease_ttl_s + 1  # the lease expires, but the worker is alive
        assert store.assignments.lease("quick", len(ALL_IDS), SETTINGS.lease_ttl_s, 1).assignments
        slow.may_answer.set()
        await until(lambda: is_idle(worker))
        store.assignments.release("quick")
        async with work(quick, owner="quick"):
            await until(lambda: is_done(store))
    assert slow.num_requests == 2 * len(ALL_IDS)
    assert written_ids(store) == Counter(ALL_IDS)


async def test_released_leases_go_to_another_at_once(store: Store, work: Work, codec: Codec, solves: Any) -> None:
    first = ScriptedEngine(codec, solves)
    first.may_answer.clear()
    async with work(first):
        await until(lambda: first.num_waiting > 0)
    store.assignments.release("first")
    async with work(ScriptedEngine(codec, solves), owner="second"):
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


@pytest.mark.parametrize("error", [StoreBusyError, StoreUnreachableError])
@pytest.mark.parametrize(("part", "method"), [("rollouts", "add"), ("assignments", "lease")])
async def test_a_store_that_is_unavailable_for_a_moment_loses_nothing(
    store: Store,
    work: Work,
    codec: Codec,
    solves: Any,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    method: str,
    error: type[Exception],
) -> None:
    failures = 2
    call = getattr(getattr(store, part), method)

    def fail_twice(*args: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise error("unavailable")
        return call(*args)

    monkeypatch.setattr(getattr(store, part), method, fail_twice)
    async with work(ScriptedEngine(codec, solves)) as worker:
        await until(lambda: is_done(store) and is_idle(worker))
    assert failures == 0
    assert written_ids(store) == Counter(ALL_IDS)


async def test_a_write_whose_acknowledgement_was_lost_is_repeated_without_harm(
    store: Store, work: Work, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = False
    add = store.rollouts.add

    def add_and_lose(rollouts: Any) -> int:
        nonlocal lost
        added = add(rollouts)
        if not lost:
            lost = True
            raise StoreUnreachableError("the connection broke after the commit")
        return added

    monkeypatch.setattr(store.rollouts, "add", add_and_lose)
    async with work(ScriptedEngine(codec, solves)) as worker:
        await until(lambda: is_done(store) and is_idle(worker))
        assert (await worker.drain_stats(1)).rollouts == len(ALL_IDS)
    assert lost
    assert written_ids(store) == Counter(ALL_IDS)


def worker_of(engine: Any, store: Store, codec: Codec, settings: SamplerSettings = SETTINGS) -> RolloutWorker:
    checker = AnswerChecker(AnswerCheckerSettings(symbolic=False))
    attempter = Attempter(engine, Sandbox(), checker, codec, settings)
    follower = PolicyFollower(engine, nullcontext)
    return RolloutWorker(LeaseTerms("first"), store.assignments, store.rollouts, attempter, settings, follower)


async def test_a_dead_engine_ends_the_worker_with_its_exception(store: Store, codec: Codec) -> None:
    def die(number: int, turn: int) -> Generation:
        raise EngineDied("the engine's process is gone")

    worker = worker_of(ScriptedEngine(codec, die), store, codec)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(30):
            await worker.run()
    assert caught.value.split(EngineDied)[1] is None, "only the engine's exception, from each of the slots"
    assert not list(store.rollouts.iterate())
    assert (await worker.drain_stats(0)).fault_retries == {}


async def test_a_store_that_stays_unreachable_ends_the_worker(
    store: Store, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> Any:
        raise StoreUnreachableError("connection refused")

    monkeypatch.setattr(store.assignments, "lease", fail)
    worker = worker_of(ScriptedEngine(codec, solves), store, codec, SETTINGS.model_copy(update={"store_retry_s": 0.0}))
    with pytest.RaisesGroup(pytest.RaisesExc(StoreUnreachableError, match="connection refused")):
        async with asyncio.timeout(30):
            await worker.run()


async def test_stats_of_nothing_are_zeros_after_the_time_limit(store: Store, codec: Codec) -> None:
    worker = worker_of(None, store, codec)
    assert (await worker.drain_stats(0.01)).to_metrics() == {
        "rollouts": 0,
        "train_rollouts": 0,
        "train_accepted": 0,
        "train_tokens": 0,
        "model_tokens": 0,
        "blocks": 0,
        "outcomes": {},
        "executions": {},
        "faults": {},
        "fault_retries": {},
        "support": {},
    }
