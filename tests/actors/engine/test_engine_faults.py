"""Faults of a real vLLM engine: requests that it aborts, and its death. One engine serves the module."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import pytest_asyncio

from actors.attempts.attempt import Attempter
from actors.engine import EngineDied, PolicyEngine, RequestFailed, RequestInvalid
from actors.rollouts.codec import Codec
from actors.settings import EngineSettings, RolloutLimits, SamplerSettings
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import Assignment, PolicyPointer, Problem, Purpose, Sampling, Split

from .conftest import FORMAT, engine_processes

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = SamplerSettings(
    fault_pause_s=0.05,
    limits=RolloutLimits(max_tokens=150),
    engine=EngineSettings(dtype="float32", max_model_len=192, max_concurrent_rollouts=16, enforce_eager=True),
)


own_processes: list[psutil.Process] = []  # of this module's engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(policies: dict[int, Path]) -> AsyncIterator[PolicyEngine]:
    others, engine = engine_processes(), PolicyEngine(SETTINGS.engine, FORMAT.stop)
    await engine.start(PolicyPointer(1, str(policies[1])))
    own_processes[:] = [process for process in engine_processes() if process not in others]
    yield engine
    engine.close()


async def generate(engine: PolicyEngine, codec: Codec, **arguments: Any) -> Any:
    return await engine.generate(codec.prompt("What is 3 * 7?"), 150, Sampling(temperature=1.0), **arguments)


def under_way(engine: PolicyEngine) -> list[str]:
    """The ids of the unfinished requests, as they were given to vLLM."""
    return list(engine._engine.output_processor.external_req_ids)


async def await_requests(engine: PolicyEngine) -> list[str]:
    """The requests under way, once there are any."""
    async with asyncio.timeout(60):
        while not under_way(engine):  # noqa: ASYNC110 - vLLM has no event for it
            await asyncio.sleep(0.001)
    return under_way(engine)


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_aborted_request_fails_and_is_not_a_turn(engine: PolicyEngine, codec: Codec, streamed: bool) -> None:
    arguments = {"on_tokens": lambda ids, logprobs: None} if streamed else {}
    request = asyncio.create_task(generate(engine, codec, **arguments))
    await engine._engine.abort(await await_requests(engine))
    with pytest.raises(RequestFailed, match="ended the request with the reason 'abort'"):
        await asyncio.wait_for(request, 60)
    assert (await generate(engine, codec)).token_ids


async def test_a_request_that_vllm_rejects_fails_alone(engine: PolicyEngine, codec: Codec) -> None:
    context = codec.prompt("What is 3 * 7?") * 100
    with pytest.raises(RequestInvalid, match="vLLM rejected the request: "):
        await engine.generate(context, 100, Sampling(temperature=1.0))
    await engine.check_health()


async def test_a_stream_without_an_output_is_a_failed_request(
    engine: PolicyEngine, codec: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(*_: Any) -> AsyncIterator[Any]:
        for output in ():
            yield output

    monkeypatch.setattr(engine._engine, "generate", nothing)
    with pytest.raises(RequestFailed, match="without an output"):
        await generate(engine, codec)


async def test_attempts_whose_requests_are_aborted_end_as_those_of_an_engine_left_alone(
    engine: PolicyEngine, codec: Codec
) -> None:
    problems = [Problem(f"p{n}", f"What is {n} * 7?", str(7 * n), "test", Split.TRAIN, f"k{n}") for n in range(16)]
    work = [Assignment(n, problem, Purpose.TRAIN, Sampling(0.0), (0,)) for n, problem in enumerate(problems)]
    async with (
        Sandbox(SandboxSettings(preload=())) as sandbox,
        AnswerChecker(AnswerCheckerSettings(symbolic=False)) as checker,
    ):
        attempter = Attempter(engine, sandbox, checker, codec, SETTINGS)
        undisturbed = await asyncio.gather(*(attempter.attempt(one, 0) for one in work))
        attempts = [asyncio.create_task(attempter.attempt(one, 0)) for one in work]
        aborted = 0
        for _ in range(SETTINGS.fault_retries):
            requests = await await_requests(engine)
            await engine._engine.abort(requests)
            aborted += len(requests)
        disturbed = await asyncio.gather(*attempts)
    assert attempter.drain_retries() == {"engine": aborted}
    for one, other in zip(undisturbed, disturbed, strict=True):
        assert (one.id, one.outcome, one.fault, one.token_ids) == (other.id, other.outcome, None, other.token_ids)


async def test_a_dead_engine_is_no_fault_of_a_request(engine: PolicyEngine, codec: Codec) -> None:
    """The last test of the module: it kills the engine."""
    request = asyncio.create_task(generate(engine, codec))
    await await_requests(engine)
    async with asyncio.timeout(60):
        for process in own_processes:
            process.kill()
        with pytest.raises(EngineDied):
            await request
        with pytest.raises(EngineDied):
            await generate(engine, codec)
