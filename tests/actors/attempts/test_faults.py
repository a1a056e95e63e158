"""Faults during attempts: retried, counted by kind, and never held against the policy."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from actors.attempts.attempt import Attempter
from actors.engine import RequestFailed
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from actors.sampling.stats import RolloutStats
from sandbox.equivalence import AnswerChecker, AnswerCheckFailed, Verdict
from sandbox.execution import Execution
from sandbox.interpreter import Sandbox
from sandbox.jail.failure import JailFailure
from sandbox.jail.jail import Jail
from sandbox.session.process import SessionProcess
from sandbox.settings import AnswerCheckerSettings
from store.database.connection import transaction
from store.records import FaultKind, Outcome, Problem, Purpose, Rollout, Sampling, Split
from store.store import Store

from ..scripted import ALL_IDS, PROBLEMS, SAMPLES, SETTINGS, ScriptedEngine, Work, is_done, is_idle, until, written_ids

RETRIES = SETTINGS.fault_retries
type Write = Callable[[int, int], Generation]


def first_fails(write: Write) -> Write:
    """Fails the first request for each problem's first turn."""
    failed: set[int] = set()

    def fail_or_write(number: int, turn: int) -> Generation:
        if turn == 0 and number not in failed:
            failed.add(number)
            raise RequestFailed("aborted")
        return write(number, turn)

    return fail_or_write


def fails(number: int, turn: int) -> Generation:
    raise RequestFailed("vLLM ended the request with the reason 'error'")


def some_are_wrong(policy: Any) -> Write:
    """Right for even numbers."""
    return lambda number, turn: policy.ends(f"\\boxed{{{number if number % 2 == 0 else number + 1}}}")


async def attempt_all(store: Store, work: Work, engine: ScriptedEngine, **arguments: Any) -> RolloutStats:
    async with work(engine, **arguments) as worker:
        await until(lambda: is_done(store) and is_idle(worker))
        return await worker.drain_stats(1)  # type: ignore[no-any-return]


def outcomes(store: Store) -> dict[str, Outcome]:
    return {rollout.id: rollout.outcome for rollout in store.rollouts.iterate()}


def counters(store: Store) -> set[tuple[int, ...]]:
    """(judged, accepted, solutions, mistakes) of the problems."""
    query = text("SELECT judged, accepted, solutions, mistakes FROM problems")
    with transaction(store._database.engine, write=False) as session:
        return {tuple(row) for row in session.execute(query)}


def faults(store: Store) -> list[Rollout]:
    return list(store.rollouts.iterate(outcome=Outcome.FAULT))


async def test_a_failed_request_is_made_again_and_the_rollout_ends_as_without_the_failure(
    store: Store, work: Work, codec: Codec, policy: Any
) -> None:
    stats = await attempt_all(store, work, ScriptedEngine(codec, first_fails(some_are_wrong(policy))))
    assert written_ids(store) == Counter(ALL_IDS)
    for rollout in store.rollouts.iterate():
        is_right = int(rollout.problem_id.removeprefix("p")) % 2 == 0
        assert (rollout.outcome, rollout.fault) == (Outcome.ACCEPTED if is_right else Outcome.WRONG, None)
    assert stats.fault_retries == {"engine": PROBLEMS}
    assert stats.faults == {}


async def test_an_engine_that_fails_on_every_request_gives_faults_and_counts_for_nothing(
    store: Store, work: Work, codec: Codec
) -> None:
    engine = ScriptedEngine(codec, fails)
    stats = await attempt_all(store, work, engine)
    assert {rollout.fault for rollout in faults(store)} == {FaultKind.ENGINE}
    assert written_ids(store) == Counter(ALL_IDS)
    assert engine.num_requests == len(ALL_IDS) * (1 + RETRIES)
    assert (stats.faults, stats.outcomes) == ({"engine": len(ALL_IDS)}, {"fault": len(ALL_IDS)})
    assert stats.fault_retries == {"engine": len(ALL_IDS) * RETRIES}
    assert counters(store) == {(0, 0, 0, 0)}
    assert store.run.statistics().acceptance_rate is None
    assert store.run.statistics().train.faults == store.iterations.faults(1) == {"engine": len(ALL_IDS)}


async def test_a_fault_after_some_turns_keeps_them(store: Store, work: Work, codec: Codec, solves: Write) -> None:
    def fails_later(number: int, turn: int) -> Generation:
        return fails(number, turn) if turn else solves(number, turn)

    await attempt_all(store, work, ScriptedEngine(codec, fails_later))
    for rollout in faults(store):
        assert (len(rollout.executions), rollout.answer) == (1, None)
        assert len(rollout.token_ids) == len(rollout.model_mask) > 0
    assert len(faults(store)) == len(ALL_IDS)


@pytest.fixture
def check_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the first checks of each answer fail, that many."""
    check = AnswerChecker.check

    def install(times: int) -> None:
        failed: Counter[str] = Counter()

        async def fail_or_check(self: AnswerChecker, expected: Any, given: str) -> Verdict:
            failed[given] += 1
            if failed[given] <= times:
                raise AnswerCheckFailed("the checker's process is gone")
            return await check(self, expected, given)

        monkeypatch.setattr(AnswerChecker, "check", fail_or_check)

    return install


async def test_after_a_fault_of_the_checker_only_the_check_is_repeated(
    store: Store, work: Work, codec: Codec, policy: Any, check_fails: Callable[[int], None]
) -> None:
    check_fails(RETRIES)
    engine = ScriptedEngine(codec, some_are_wrong(policy))
    stats = await attempt_all(store, work, engine)
    assert Counter(outcomes(store).values()) == {Outcome.ACCEPTED: 18, Outcome.WRONG: 18}
    assert engine.num_requests == len(ALL_IDS)
    assert set(stats.fault_retries) == {"checker"}
    assert stats.faults == {}


async def test_an_answer_that_cannot_be_checked_at_all_is_a_fault_and_no_mistake(
    store: Store, work: Work, codec: Codec, policy: Any, check_fails: Callable[[int], None]
) -> None:
    check_fails(10_000)
    stats = await attempt_all(store, work, ScriptedEngine(codec, some_are_wrong(policy)))
    assert {(rollout.fault, rollout.answer is None) for rollout in faults(store)} == {(FaultKind.CHECKER, False)}
    assert len(faults(store)) == stats.faults["checker"] == len(ALL_IDS)
    assert counters(store) == {(0, 0, 0, 0)}


async def test_a_sandbox_that_stays_broken_gives_faults(
    store: Store, work: Work, codec: Codec, solves: Write, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Any:
        raise JailFailure("nsjail is gone")

    monkeypatch.setattr(sandbox, "_working_pool", fail)
    stats = await attempt_all(store, work, ScriptedEngine(codec, solves))
    assert {rollout.fault for rollout in store.rollouts.iterate()} == {FaultKind.SANDBOX}
    assert {record.status for rollout in faults(store) for record in rollout.executions} == {"sandbox_failure"}
    assert (stats.faults, stats.fault_retries) == ({"sandbox": 36}, {"sandbox": 36 * RETRIES})
    assert counters(store) == {(0, 0, 0, 0)}


def _jails(sandbox: Sandbox) -> list[Jail]:
    """The jail that takes sessions, if there is one at this moment."""
    assert sandbox._pool is not None
    return [sandbox._pool.current] if sandbox._pool.current is not None and sandbox._pool.current.alive else []


async def test_killed_jails_change_no_outcome(
    store: Store, work: Work, codec: Codec, policy: Any, sandbox: Sandbox
) -> None:
    def two_slow_blocks(number: int, turn: int) -> Generation:
        if turn == 2:
            return policy.ends(f"\\boxed{{{number}}}")  # type: ignore[no-any-return]
        block = f"import time\nx = {number}" if turn == 0 else "time.sleep(0.1)\nprint(x)"
        return policy.stops(f"```python\n{block}\n```\n")  # type: ignore[no-any-return]

    async def kill_jails() -> None:
        for done in (3, 10, 20):
            await until(lambda done=done: store.iterations.progress(1)[0] >= done)
            await until(lambda: any(jail.sessions_open for jail in _jails(sandbox)))
            os.kill(_jails(sandbox)[0].pid, signal.SIGKILL)

    killing = asyncio.create_task(kill_jails())
    stats = await attempt_all(store, work, ScriptedEngine(codec, two_slow_blocks))
    await killing
    assert written_ids(store) == Counter(ALL_IDS)
    assert set(outcomes(store).values()) == {Outcome.ACCEPTED}
    assert stats.fault_retries["sandbox"] > 0
    assert counters(store) == {(SAMPLES, SAMPLES, 1, 0)}


def after_its_jail_is_killed(attempter: Attempter) -> Callable[..., Any]:
    """`SessionProcess.run`, the jail of which is killed each time until the attempter has made a check again.

    The sandbox and the checker take other jails for a pair that died with its first, so that one kill changes nothing.
    """
    run = SessionProcess.run

    async def kill_and_run(process: SessionProcess, *arguments: Any) -> Execution:
        if process.jail.alive and not attempter._retries._counts["checker"]:
            os.kill(process.jail.pid, signal.SIGKILL)
        return await run(process, *arguments)

    return kill_and_run


@pytest.mark.slow
async def test_a_killed_checker_changes_no_outcome(
    store: Store, work: Work, codec: Codec, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.problems.add(
        Problem(f"s{n}", f"What is {n} + 0?", f"x^2 + {n}x", "test", Split.HELDOUT, f"s{n}") for n in range(16)
    )
    evaluation = store.evaluations.schedule(1, "test", sampling=Sampling(0.0), samples=6)
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends(f"\\boxed{{x(x + {number - number % 2})}}"))

    def checked() -> int:
        return store.evaluations.progress(evaluation)[0]

    settings = SETTINGS.model_copy(update={"fault_pause_s": 0.5, "fault_retries": 5})
    async with work(engine, settings=settings, checker_settings=AnswerCheckerSettings()) as worker:
        await until(lambda: checked() > 0)
        monkeypatch.setattr(SessionProcess, "run", after_its_jail_is_killed(worker._attempter))
        await until(lambda: checked() == 16 * 6 and is_idle(worker))
        stats = await worker.drain_stats(1)
    found = Counter((r.problem_id, r.outcome) for r in store.rollouts.iterate(purpose=Purpose.EVAL))
    assert found == {(f"s{n}", Outcome.WRONG if n % 2 else Outcome.ACCEPTED): 6 for n in range(16)}
    assert stats.fault_retries["checker"] > 0
    assert stats.faults == {}


async def test_an_attempt_that_is_cancelled_while_it_waits_for_a_retry_writes_nothing(
    store: Store, work: Work, codec: Codec
) -> None:
    engine = ScriptedEngine(codec, fails)
    async with work(engine, settings=SETTINGS.model_copy(update={"fault_pause_s": 3600.0})):
        await until(lambda: engine.num_requests == SETTINGS.slots)
    assert outcomes(store) == {}
