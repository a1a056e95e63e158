"""The leases of a rollout worker: how much it holds, what it extends, and what it does when another policy is named."""

import asyncio
from collections import Counter
from collections.abc import Collection
from typing import Any

import pytest

from actors.attempts.attempt import Attempter
from actors.rollouts.codec import Codec
from actors.settings import EngineSettings, SamplerSettings
from store.records import Lease, Policy, Problem, Purpose, Sampling, Split
from store.runs.run_state import DesiredState
from store.runs.samplers import SamplerState
from store.store import Store

from ..scripted import ALL_IDS, SAMPLES, SETTINGS, Clock, ScriptedEngine, Work, is_done, is_idle, until, written_ids


@pytest.fixture
def leases(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[Lease]:
    """The answers to the workers' leases."""
    seen: list[Lease] = []
    lease = store.assignments.lease

    def lease_and_record(*args: Any) -> Lease:
        seen.append(lease(*args))
        return seen[-1]

    monkeypatch.setattr(store.assignments, "lease", lease_and_record)
    return seen


@pytest.fixture
def extended(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """The assignments of each extension."""
    seen: list[set[int]] = []
    extend = store.assignments.extend

    def extend_and_record(owner: str, assignment_ids: Collection[int], ttl_s: float) -> int:
        seen.append(set(assignment_ids))
        return extend(owner, assignment_ids, ttl_s)

    monkeypatch.setattr(store.assignments, "extend", extend_and_record)
    return seen


async def test_leases_are_extended_while_their_problems_are_under_way(
    store: Store, work: Work, codec: Codec, solves: Any, extended: list[set[int]]
) -> None:
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()

    def are_extended_while_the_engine_samples() -> bool:
        engine.token_at_s = engine.clock_s  # or a slow machine would take it for silent before the second extension
        return len(extended) >= 2

    async with work(engine, settings=SETTINGS.model_copy(update={"lease_ttl_s": 0.3})) as worker:
        await until(are_extended_while_the_engine_samples)
        engine.may_answer.set()
        await until(lambda: is_done(store) and is_idle(worker))
    assert all(extended)


async def test_only_attempts_that_make_progress_keep_their_leases(
    store: Store, work: Work, codec: Codec, solves: Any, extended: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_progressing(_: Attempter, rollout: str, within_s: float) -> bool:
        return rollout.startswith("2-")

    monkeypatch.setattr(Attempter, "is_progressing", is_progressing)
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    settings = with_slots(6, lease_ttl_s=0.3)
    async with work(engine, settings=settings):
        await until(lambda: engine.num_waiting == 6)
        num_before = len(extended)
        await until(lambda: len(extended) > num_before + 1)
        assert extended[-1] == {2}


async def test_no_more_is_held_than_the_slots_and_the_next_seconds_take(
    store: Store, work: Work, codec: Codec, solves: Any
) -> None:
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    async with work(engine, settings=with_slots(6)) as worker:
        await until(lambda: engine.num_waiting == 6)
        await asyncio.sleep(10 * SETTINGS.idle_poll_s)
        assert worker.held == 6
        engine.may_answer.set()
        most = 0

        def watch() -> bool:
            nonlocal most
            most = max(most, worker.held)
            return is_done(store)

        await until(watch)
    assert most <= 6 + 6 + SAMPLES - 1, "an assignment is leased whole"


async def test_two_workers_share_the_end_of_an_iteration(store: Store, work: Work, codec: Codec, solves: Any) -> None:
    first, second = ScriptedEngine(codec, solves), ScriptedEngine(codec, solves)
    for engine in (first, second):
        engine.may_answer.clear()
    settings = with_slots(len(ALL_IDS))
    store.samplers.register("second", "host")
    store.samplers.report("second", SamplerState.SAMPLING, 1, progressed=True)
    async with work(first, owner="first", settings=settings) as one:
        await until(lambda: first.num_waiting >= len(ALL_IDS) / 2)
        await asyncio.sleep(10 * SETTINGS.idle_poll_s)
        async with work(second, owner="second", settings=settings) as other:
            await until(lambda: one.held + other.held == len(ALL_IDS))
            assert abs(one.held - other.held) <= SAMPLES
            first.may_answer.set()
            second.may_answer.set()
            await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_a_worker_of_a_paused_run_finishes_what_it_has_and_leases_no_more(
    store: Store, work: Work, codec: Codec, solves: Any, leases: list[Lease]
) -> None:
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    async with work(engine, settings=with_slots(2)) as worker:
        await until(lambda: engine.num_waiting == 2)
        store.run.set_desired(DesiredState.PAUSED)
        engine.may_answer.set()
        await until(lambda: is_idle(worker))
        num_before = len(leases)
        await until(lambda: len(leases) > num_before + 2)
        assert leases[-1].assignments == ()
        assert 0 < store.iterations.progress(1)[0] < len(ALL_IDS)
        store.run.set_desired(DesiredState.RUNNING)
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_a_worker_loads_what_its_leases_name_and_goes_on_sampling_meanwhile(
    store: Store, work: Work, codec: Codec, solves: Any
) -> None:
    engine = ScriptedEngine(codec, solves)
    async with work(engine, settings=with_slots(2)):
        await until(lambda: store.iterations.progress(1)[0])
        store.policies.add(Policy(2, 1, "policies/2"))
        await until(lambda: is_done(store))
        await until(lambda: engine.version == 2)
    assert written_ids(store) == Counter(ALL_IDS)


@pytest.mark.parametrize("swap_wait_s", [0.0, 300.0])
async def test_no_evaluation_is_sampled_with_another_policy_across_a_swap(
    store: Store, work: Work, codec: Codec, solves: Any, clock: Clock, swap_wait_s: float
) -> None:
    store.problems.add(Problem(f"h{n}", f"What is {n} + 0?", str(n), "test", Split.HELDOUT, f"held-{n}") for n in HELD)
    first = store.evaluations.schedule(1, "heldout", sampling=Sampling(0.0))
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    settings = with_slots(4, swap_wait_s=swap_wait_s)
    async with work(engine, settings=settings):
        await until(lambda: engine.num_waiting == 4)
        store.policies.add(Policy(2, 1, "policies/2"))
        second = store.evaluations.schedule(2, "heldout", sampling=Sampling(0.0))
        await asyncio.sleep(5 * SETTINGS.idle_poll_s)
        assert engine.version == 1, "attempts of an evaluation are under way"
        engine.may_answer.set()
        await until(lambda: is_done(store) and all(is_measured(store, e) for e in (first, second)))
    versions = {1: set[int](), 2: set[int]()}
    for rollout in store.rollouts.iterate(purpose=Purpose.EVAL):
        evaluation = 1 if rollout.assignment_id in range(len(ALL_IDS) // SAMPLES + 1, 13 + len(HELD)) else 2
        versions[evaluation] |= {span.version for span in rollout.spans}
    assert versions == {1: {1}, 2: {2}}


HELD = range(100, 108)


def is_measured(store: Store, evaluation: int) -> bool:
    done, scheduled = store.evaluations.progress(evaluation)
    return done == scheduled


def with_slots(number: int, **changes: float) -> SamplerSettings:
    """Settings of a sampler that has this many rollouts under way."""
    engine = EngineSettings(max_concurrent_rollouts=number, max_model_len=600)
    return SETTINGS.model_copy(update={"engine": engine, "slots_per_sequence": 1.0, **changes})
