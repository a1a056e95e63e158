"""Progress of attempts: what counts as getting on, and what the parts may take."""

import asyncio
import time
from typing import Any

import pytest

from actors.attempts.attempt import Attempter
from actors.attempts.interaction import Engine
from actors.attempts.progress import AttemptLimits, Part, Progresses
from actors.engine import RequestProgress
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import Generation
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import Assignment, FaultKind, Outcome, Problem, Purpose, Sampling, Split

from ..conftest import PLAIN_CHECKER
from ..scripted import SETTINGS, ScriptedEngine, until

LIMITS = AttemptLimits(
    SETTINGS,
    SandboxSettings(block_wall_s=10, max_concurrent_blocks=4, start_s=5),
    AnswerCheckerSettings(check_wall_s=2, max_concurrent_checks=8, start_s=3),
)


class EngineAt:
    """An engine at a moment of its clock."""

    clock_s = 100.0
    token_at_s = 100.0
    slowest_tokens_per_s = None


@pytest.fixture
def engine() -> EngineAt:
    return EngineAt()


@pytest.fixture
def progresses(engine: EngineAt) -> Progresses:
    return Progresses(engine, LIMITS)


def test_an_attempt_that_is_not_under_way_makes_no_progress(progresses: Progresses) -> None:
    with progresses.attempt("1-0"):
        assert progresses.is_progressing("1-0", 1.0)
    assert not progresses.is_progressing("1-0", 1.0)


def test_a_request_that_waits_gets_on_while_the_engine_samples(progresses: Progresses, engine: EngineAt) -> None:
    with progresses.attempt("1-0") as progress, progress.within(Part.ENGINE):
        progress.next_request()
        assert progresses.is_progressing("1-0", 5.0)
        engine.clock_s = 106.0
        assert not progresses.is_progressing("1-0", 5.0)
        engine.token_at_s = 104.0
        assert progresses.is_progressing("1-0", 5.0)


def test_a_request_that_has_begun_gets_on_by_its_own_tokens(progresses: Progresses, engine: EngineAt) -> None:
    with progresses.attempt("1-0") as progress, progress.within(Part.ENGINE):
        progress.next_request().token_at_s = 92.0
        assert not progresses.is_progressing("1-0", 5.0)
        progress.request.token_at_s = 97.0
        assert progresses.is_progressing("1-0", 5.0)


@pytest.mark.parametrize(("part", "limit_s"), [(Part.SANDBOX, LIMITS.block_s), (Part.CHECKER, LIMITS.check_s)])
def test_a_block_and_a_check_count_until_their_limits(progresses: Progresses, part: Part, limit_s: float) -> None:
    with progresses.attempt("1-0") as progress, progress.within(part):
        progress.since_s = time.monotonic() - limit_s
        assert progresses.is_progressing("1-0", 5.0)
        progress.since_s -= 6.0
        assert not progresses.is_progressing("1-0", 5.0)


def test_an_attempt_that_waits_for_a_session_gets_on_with_the_blocks_of_others(progresses: Progresses) -> None:
    with progresses.attempt("1-0") as progress, progress.within(Part.SESSION):
        progress.since_s -= 1000.0
        assert not progresses.is_progressing("1-0", 5.0)
        with progresses.attempt("1-1") as other, other.within(Part.SANDBOX):
            pass
        assert progresses.is_progressing("1-0", 5.0)


def test_seconds_are_kept_by_part(progresses: Progresses) -> None:
    with progresses.attempt("1-0") as progress:
        for _ in range(2):
            with progress.within(Part.ENGINE):
                time.sleep(0.02)
        assert 0.04 <= progress.seconds[Part.ENGINE] < 5
        assert progress.seconds[Part.SANDBOX] == 0
        assert progress.left is Part.ENGINE


def test_a_block_may_wait_for_all_others_and_for_two_jails() -> None:
    # 10 attempts for 4 blocks at a time are three rounds before its own, and for 8 checks two.
    assert SETTINGS.slots == 10
    assert LIMITS.block_s == 4 * 10 + 2 * 5
    assert LIMITS.check_s == 3 * 2 + 2 * 3


def test_the_limit_of_sampling_follows_the_slowest_speed() -> None:
    assert LIMITS.sampling_s(None) is None
    blocks_s = SETTINGS.limits.max_blocks * LIMITS.block_s
    for speed in (10.0, 2.0):
        tokens_s = SETTINGS.deadline_factor * SETTINGS.limits.max_tokens / speed
        assert LIMITS.sampling_s(speed) == SETTINGS.engine.silence_s + tokens_s + blocks_s


class HangingEngine(ScriptedEngine):
    """Hangs in the first request."""

    async def generate(
        self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling, *, progress: Any = None
    ) -> Generation:
        if self.num_requests == 0:
            self.num_requests = 1
            await asyncio.Event().wait()
        return await super().generate(context_ids, max_tokens, sampling, progress=progress)


ASSIGNMENT = Assignment(
    1, Problem("p7", "What is 7 + 0?", "7", "test", Split.TRAIN, "7"), Purpose.TRAIN, Sampling(), (0,)
)
FAST = SETTINGS.model_copy(
    update={
        "deadline_factor": 1.0,
        "engine": SETTINGS.engine.model_copy(update={"silence_s": 0.1}),
        "limits": SETTINGS.limits.model_copy(update={"max_blocks": 0}),
    }
)


async def attempt(engine: Any, sandbox: Sandbox, codec: Codec, settings: Any = FAST) -> tuple[Any, Attempter]:
    async with AnswerChecker(PLAIN_CHECKER) as checker:
        attempter = Attempter(engine, sandbox, checker, codec, settings)
        return await attempter.attempt(ASSIGNMENT, 0), attempter


async def test_an_attempt_that_exceeds_its_deadline_is_made_again(codec: Codec, sandbox: Sandbox, policy: Any) -> None:
    engine = HangingEngine(codec, lambda number, turn: policy.ends("\\boxed{7}"))
    engine.slowest_tokens_per_s = 10_000.0
    rollout, attempter = await attempt(engine, sandbox, codec)
    assert (rollout.outcome, rollout.fault) == (Outcome.ACCEPTED, None)
    assert attempter.drain_retries() == {"engine": 1}


async def test_an_attempt_that_always_exceeds_its_deadline_is_a_fault_and_no_truncation(
    codec: Codec, sandbox: Sandbox, policy: Any
) -> None:
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{7}"))
    engine.may_answer.clear()
    engine.slowest_tokens_per_s = 10_000.0
    rollout, _ = await attempt(engine, sandbox, codec)
    assert (rollout.outcome, rollout.fault) == (Outcome.FAULT, FaultKind.ENGINE)


async def test_a_deadline_moves_while_the_engine_gets_slower(codec: Codec, sandbox: Sandbox, policy: Any) -> None:
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{7}"))
    engine.may_answer.clear()
    engine.slowest_tokens_per_s = 4_000.0  # 0.2 s
    running = asyncio.create_task(attempt(engine, sandbox, codec))
    await until(lambda: engine.num_waiting)
    engine.slowest_tokens_per_s = 1.0
    await asyncio.sleep(0.5)
    engine.may_answer.set()
    rollout, attempter = await running
    assert rollout.outcome is Outcome.ACCEPTED
    assert attempter.drain_retries() == {}


async def test_an_engine_without_a_measured_speed_sets_no_deadline(codec: Codec, sandbox: Sandbox, policy: Any) -> None:
    engine = ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{7}"))
    rollout, _ = await attempt(engine, sandbox, codec)
    assert rollout.outcome is Outcome.ACCEPTED


async def test_a_checker_that_hangs_is_at_fault(
    codec: Codec, sandbox: Sandbox, policy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr(AnswerChecker, "check", hang)
    monkeypatch.setattr("actors.attempts.attempt.AttemptLimits", ShortChecks)
    rollout, _ = await attempt(ScriptedEngine(codec, lambda number, turn: policy.ends("\\boxed{7}")), sandbox, codec)
    assert (rollout.outcome, rollout.fault, rollout.answer) == (Outcome.FAULT, FaultKind.CHECKER, "7")


class ShortChecks(AttemptLimits):
    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self.check_s = 0.1


async def test_the_request_of_an_attempt_is_the_one_whose_tokens_count(
    codec: Codec, sandbox: Sandbox, policy: Any
) -> None:
    seen: list[RequestProgress] = []

    class Watched(ScriptedEngine):
        async def generate(self, *arguments: Any, progress: Any = None) -> Generation:
            seen.append(progress)
            progress.token_at_s = self.clock_s - 100.0
            return await super().generate(*arguments, progress=progress)

    engine: Engine = Watched(codec, lambda number, turn: policy.ends("\\boxed{7}"))
    engine.may_answer.clear()  # type: ignore[attr-defined]
    async with AnswerChecker(PLAIN_CHECKER) as checker:
        attempter = Attempter(engine, sandbox, checker, codec, SETTINGS)  # type: ignore[arg-type]
        running = asyncio.create_task(attempter.attempt(ASSIGNMENT, 0))
        await until(lambda: seen)
        assert not attempter.is_progressing("1-0", 50.0)
        assert attempter.is_progressing("1-0", 150.0)
        engine.may_answer.set()  # type: ignore[attr-defined]
        await running
        assert not attempter.is_progressing("1-0", 150.0)
