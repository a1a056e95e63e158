"""The rollout worker with a scripted engine, but a real store and a real sandbox."""

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.attempt import Attempter
from actors.codec import Codec
from actors.rollout import End, Generation
from actors.settings import EngineSettings, RolloutLimits, SamplerSettings
from actors.worker import RolloutWorker, as_metrics
from sandbox.equivalence import AnswerChecker
from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox, Session
from sandbox.jail.failure import JailFailure
from sandbox.settings import AnswerCheckerSettings
from store.errors import StoreBusyError, StoreUnreachableError
from store.records import Outcome, Policy, PolicySpan, Problem, Purpose, Sampling, Split, rollout_id
from store.store import Store

PROBLEMS, SAMPLES = 12, 3
ALL_IDS = {rollout_id(assignment, sample) for assignment in range(1, PROBLEMS + 1) for sample in range(SAMPLES)}
SETTINGS = SamplerSettings(
    lease_ttl_s=60.0,
    idle_poll_s=0.02,
    write_interval_s=0.01,
    store_retry_s=30.0,
    limits=RolloutLimits(max_tokens=400, max_blocks=2),
    engine=EngineSettings(max_concurrent_rollouts=8, max_model_len=600, seed_each_rollout=True),
)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


class ScriptedEngine:
    """Answers the question `What is N + 0?` by `write(N, turn)`, and can be held."""

    def __init__(self, codec: Codec, write: Callable[[int, int], Generation]) -> None:
        self._codec = codec
        self._write = write
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = 0
        self.held = 0
        self.version = 1

    async def generate(self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling) -> Generation:
        self.asked += 1
        self.held += 1
        try:
            await self.may_answer.wait()
        finally:
            self.held -= 1
        text = self._codec.decode(context_ids)
        number = re.search(r"What is (\d+) \+ 0\?", text)
        assert number is not None
        generation = self._write(int(number.group(1)), text.count("```output"))
        ids = generation.token_ids[:max_tokens]
        end = generation.end if ids == generation.token_ids else End.LIMIT
        return Generation(ids, (PolicySpan(self.version, 0, len(ids)),), end)


@pytest.fixture
def solves(policy: Any) -> Callable[[int, int], Generation]:
    """Writes a right solution with one code block."""

    def write(number: int, turn: int) -> Generation:
        if turn == 0:
            return policy.stops(f"```python\nprint({number} + 0)\n```\n")  # type: ignore[no-any-return]
        return policy.ends(f"\\boxed{{{number}}}")  # type: ignore[no-any-return]

    return write


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "store.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """Twelve problems with three attempts each scheduled in iteration 1."""
    shutil.copy(empty_store, tmp_path / "store.db")
    with Store.open(f"sqlite:///{tmp_path}/store.db", clock=clock) as store:
        store.problems.add(
            Problem(f"p{n}", f"What is {n} + 0?", str(n), "test", Split.TRAIN, f"key-{n}") for n in range(PROBLEMS)
        )
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        store.iterations.open(1, policy_version=1)
        assert store.iterations.schedule(1, PROBLEMS, SAMPLES, Sampling()) == len(ALL_IDS)
        yield store


Work = Callable[..., Any]


@pytest.fixture
def work(store: Store, sandbox: Sandbox, codec: Codec) -> Work:
    """Runs a worker until the block is left, then cancels it as a sampler that stops does."""

    @asynccontextmanager
    async def work(
        engine: ScriptedEngine, owner: str = "first", settings: SamplerSettings = SETTINGS
    ) -> AsyncIterator[RolloutWorker]:
        async with AnswerChecker(AnswerCheckerSettings(symbolic=False)) as checker:
            attempter = Attempter(engine, sandbox, checker, codec, settings)
            worker = RolloutWorker(owner, store, attempter, settings, lambda: engine.version)
            running = asyncio.create_task(worker.run())
            try:
                yield worker
            finally:
                running.cancel()
                await asyncio.wait([running])

    return work


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for is another's state
            await asyncio.sleep(0.01)


def is_done(store: Store) -> bool:
    done, scheduled = store.iterations.progress(1)
    return done == scheduled


def written_ids(store: Store) -> Counter[str]:
    return Counter(rollout.id for rollout in store.rollouts.iterate())


async def test_every_scheduled_rollout_arrives_exactly_once(
    store: Store, work: Work, codec: Codec, solves: Any
) -> None:
    engine = ScriptedEngine(codec, solves)
    async with work(engine) as worker:
        await until(lambda: is_done(store) and worker.idle)
        tally = await worker.take_tally(1)
    assert written_ids(store) == Counter(ALL_IDS)
    assert tally.rollouts == tally.train_accepted == tally.blocks == len(ALL_IDS)
    assert as_metrics(tally)["outcomes"] == {"accepted": len(ALL_IDS)}
    assert as_metrics(tally)["executions"] == {"ok": len(ALL_IDS)}
    rollouts = list(store.rollouts.iterate())
    assert tally.train_tokens == tally.model_tokens == sum(sum(rollout.model_mask) for rollout in rollouts)
    assert len({rollout.seed for rollout in rollouts} - {None}) == len(ALL_IDS)
    for rollout in rollouts:
        number = rollout.problem_id.removeprefix("p")
        assert (rollout.outcome, rollout.answer) == (Outcome.ACCEPTED, number)
        assert codec.decode(rollout.prompt_ids + rollout.token_ids) == (
            f"Question: What is {number} + 0?\nSolution:\n```python\nprint({number} + 0)\n```\n"
            f"```output\n{number}\n```\n\\boxed{{{number}}}"
        )


async def test_outcomes_say_what_became_of_an_attempt(store: Store, work: Work, codec: Codec, policy: Any) -> None:
    endings = {
        0: (policy.ends("\\boxed{0}"), Outcome.ACCEPTED),
        1: (policy.ends("\\boxed{7}"), Outcome.WRONG),
        2: (policy.ends("I do not know."), Outcome.NO_ANSWER),
        3: (policy.is_cut("\\boxed{3}"), Outcome.TRUNCATED),
        4: (policy.stops("```python\nprint(4)\n```\n"), Outcome.TRUNCATED),  # again and again
        5: (policy.ends("\\boxed{5.0}"), Outcome.ACCEPTED),
        6: (policy.ends("\\boxed{1} or \\boxed{none}"), Outcome.WRONG),
    }
    engine = ScriptedEngine(codec, lambda number, turn: endings[number % 7][0])
    async with work(engine):
        await until(lambda: is_done(store))
    outcomes = {rollout.problem_id: rollout.outcome for rollout in store.rollouts.iterate()}
    assert {number: outcomes[f"p{number}"] for number in endings} == {n: end[1] for n, end in endings.items()}
    repeated = next(store.rollouts.iterate(problem_id="p4"))
    assert len(repeated.executions) == SETTINGS.limits.max_blocks


async def test_an_answer_that_nobody_can_compare_is_unverifiable(
    store: Store, work: Work, codec: Codec, policy: Any
) -> None:
    store.problems.add([Problem("x", "What is 99 + 0?", "x + 1", "test", Split.HELDOUT, "x")])
    store.evaluations.schedule(1, "test", sampling=Sampling(0.0))
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{1 + x}"))
    async with work(engine):
        await until(lambda: list(store.rollouts.iterate(purpose=Purpose.EVAL)))
    assert next(store.rollouts.iterate(purpose=Purpose.EVAL)).outcome is Outcome.UNVERIFIABLE


async def test_a_failure_of_the_sandbox_is_a_fault_and_not_the_policys(
    store: Store, work: Work, codec: Codec, solves: Any, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise JailFailure("nsjail is gone")

    monkeypatch.setattr(sandbox, "_working_pool", fail)
    async with work(ScriptedEngine(codec, solves)):
        await until(lambda: is_done(store))
    assert {rollout.outcome for rollout in store.rollouts.iterate()} == {Outcome.FAULT}
    assert {record.status for rollout in store.rollouts.iterate() for record in rollout.executions} == {"sandbox_failure"}


async def test_a_rollout_that_a_failure_of_the_sandbox_ended_is_made_again(
    store: Store, work: Work, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[str] = []
    run = Session.run

    async def fail_once(session: Session, source: str) -> Execution:
        if failed:
            return await run(session, source)
        failed.append(source)
        return Execution(Status.SANDBOX_FAILURE, error="SandboxFailure: nsjail is gone")

    monkeypatch.setattr(Session, "run", fail_once)
    async with work(ScriptedEngine(codec, solves)):
        await until(lambda: is_done(store))
    assert len(failed) == 1
    assert {rollout.outcome for rollout in store.rollouts.iterate()} == {Outcome.ACCEPTED}
    assert written_ids(store) == Counter(ALL_IDS)


async def test_what_a_cancelled_worker_left_another_finishes_once_its_leases_end(
    store: Store, work: Work, codec: Codec, solves: Any, clock: Clock
) -> None:
    first = ScriptedEngine(codec, solves)
    async with work(first):
        await until(lambda: store.iterations.progress(1)[0] >= 4)
        first.may_answer.clear()
        await until(lambda: first.held > 0)
    assert not is_done(store)
    clock.now_s += SETTINGS.lease_ttl_s + 1
    async with work(ScriptedEngine(codec, solves), owner="second"):
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_two_workers_whose_leases_overlap_lose_and_double_nothing(
    store: Store, work: Work, codec: Codec, solves: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    lease = store.assignments.lease

    def lease_and_tell(*args: Any) -> Any:
        leased = lease(*args)
        found.append(len(leased))
        return leased

    monkeypatch.setattr(store, "lease", lease_and_tell)
    slow, quick = ScriptedEngine(codec, solves), ScriptedEngine(codec, solves)
    slow.may_answer.clear()
    engine = EngineSettings(max_concurrent_rollouts=len(ALL_IDS), max_model_len=600)
    asks_once = SETTINGS.model_copy(update={"engine": engine, "idle_poll_s": 3600.0})
    async with work(slow, owner="slow", settings=asks_once) as worker:
        await until(lambda: slow.held == len(ALL_IDS) and found[-1] == 0)
        clock.now_s += SETTINGS.lease_ttl_s + 1  # it is thought dead, but is not
        async with work(quick, owner="quick"):
            await until(lambda: is_done(store))
        slow.may_answer.set()
        await until(lambda: worker.idle)
    assert (slow.asked, quick.asked) == (2 * len(ALL_IDS), 2 * len(ALL_IDS))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_released_leases_go_to_another_at_once(store: Store, work: Work, codec: Codec, solves: Any) -> None:
    first = ScriptedEngine(codec, solves)
    first.may_answer.clear()
    async with work(first):
        await until(lambda: first.held > 0)
    store.assignments.release("first")
    async with work(ScriptedEngine(codec, solves), owner="second"):
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


async def test_leases_are_extended_while_their_problems_are_under_way(
    store: Store, work: Work, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    extended: list[str] = []
    extend = store.assignments.extend

    def note(owner: str, assignment_ids: Collection[int], ttl_s: float) -> int:
        extended.append(owner)
        return extend(owner, assignment_ids, ttl_s)

    monkeypatch.setattr(store, "extend_leases", note)
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    async with work(engine, settings=SETTINGS.model_copy(update={"lease_ttl_s": 0.3})) as worker:
        await until(lambda: len(extended) >= 2)
        engine.may_answer.set()
        await until(lambda: is_done(store) and worker.idle)
    assert set(extended) == {"first"}


async def test_a_paused_worker_finishes_what_it_has_and_leases_no_more(
    store: Store, work: Work, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    leases = 0
    lease = store.assignments.lease

    def count_and_lease(*args: Any) -> Any:
        nonlocal leases
        leases += 1
        return lease(*args)

    monkeypatch.setattr(store, "lease", count_and_lease)
    settings = SETTINGS.model_copy(update={"engine": EngineSettings(max_concurrent_rollouts=2, max_model_len=600)})
    engine = ScriptedEngine(codec, solves)
    engine.may_answer.clear()
    async with work(engine, settings=settings) as worker:
        await until(lambda: engine.held == 2)
        assert not worker.idle
        worker.pause()
        before = leases
        engine.may_answer.set()
        await until(lambda: worker.idle)
        await asyncio.sleep(10 * SETTINGS.idle_poll_s)
        assert leases <= before + 1, "one may have been on its way"
        assert 0 < store.iterations.progress(1)[0] < len(ALL_IDS)
        worker.resume()
        await until(lambda: is_done(store))
    assert written_ids(store) == Counter(ALL_IDS)


@pytest.mark.parametrize("error", [StoreBusyError, StoreUnreachableError])
@pytest.mark.parametrize("method", ["add_rollouts", "lease"])
async def test_a_store_that_is_away_for_a_moment_loses_nothing(
    store: Store,
    work: Work,
    codec: Codec,
    solves: Any,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    error: type[Exception],
) -> None:
    failures = 2
    call = getattr(store, method)

    def away_twice(*args: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise error("away")
        return call(*args)

    monkeypatch.setattr(store, method, away_twice)
    async with work(ScriptedEngine(codec, solves)) as worker:
        await until(lambda: is_done(store) and worker.idle)
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
            raise StoreUnreachableError("the connection broke behind the commit")
        return added

    monkeypatch.setattr(store, "add_rollouts", add_and_lose)
    async with work(ScriptedEngine(codec, solves)) as worker:
        await until(lambda: is_done(store) and worker.idle)
        assert (await worker.take_tally(1)).rollouts == len(ALL_IDS)
    assert lost
    assert written_ids(store) == Counter(ALL_IDS)


class EngineDeadError(Exception):
    pass


def worker_of(engine: Any, store: Store, codec: Codec, settings: SamplerSettings = SETTINGS) -> RolloutWorker:
    checker = AnswerChecker(AnswerCheckerSettings(symbolic=False))
    attempter = Attempter(engine, Sandbox(), checker, codec, settings)
    return RolloutWorker("first", store, attempter, settings, lambda: 1)


async def test_a_dead_engine_ends_the_worker_with_its_exception(store: Store, codec: Codec) -> None:
    def die(number: int, turn: int) -> Generation:
        raise EngineDeadError("the engine's process is gone")

    worker = worker_of(ScriptedEngine(codec, die), store, codec)
    with pytest.raises(ExceptionGroup) as caught:
        async with asyncio.timeout(30):
            await worker.run()
    assert caught.value.split(EngineDeadError)[1] is None, "nothing but the engine's exception, from each of the slots"
    assert not list(store.rollouts.iterate())


async def test_a_store_that_stays_away_ends_the_worker(
    store: Store, codec: Codec, solves: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any) -> Any:
        raise StoreUnreachableError("connection refused")

    monkeypatch.setattr(store, "lease", away)
    worker = worker_of(ScriptedEngine(codec, solves), store, codec, SETTINGS.model_copy(update={"store_retry_s": 0.0}))
    with pytest.RaisesGroup(pytest.RaisesExc(StoreUnreachableError, match="connection refused")):
        async with asyncio.timeout(30):
            await worker.run()


async def test_a_tally_is_taken_once_and_waited_for_no_longer_than_told(store: Store, codec: Codec) -> None:
    worker = worker_of(None, store, codec)
    assert as_metrics(await worker.take_tally(0.01)) == {
        "rollouts": 0,
        "train_rollouts": 0,
        "train_accepted": 0,
        "train_tokens": 0,
        "model_tokens": 0,
        "blocks": 0,
        "outcomes": {},
        "executions": {},
    }
