"""The worker of sampling.py: one engine, and the three ways to sample with it, each on request."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
from sampling_cases import CASES, Case, Plan, config_of, plan_of

LEASE_S = 3600.0
_PLAN: ContextVar[Plan] = ContextVar("plan")
_TURN: ContextVar[int] = ContextVar("turn")


@dataclass(frozen=True)
class Parts:
    """What a sampler is made of."""

    case: Case
    config: Any
    engine: Any
    codec: Any
    sandbox: Any
    checker: Any
    folder: Path


async def serve(name: str, folder: Path, settings: list[str]) -> None:
    """Read a mode from each line of stdin, and print what a run of it took."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not end up among the answers
    async with open_parts(name, folder, settings) as parts:
        print(json.dumps({"pid": os.getpid()}), file=out)
        while line := await asyncio.to_thread(sys.stdin.readline):
            mode, lengths = json.loads(line)
            print(json.dumps(await MODES[mode](parts, lengths)), file=out)
    out.close()
    os._exit(0)  # the engine leaves threads running


@asynccontextmanager
async def open_parts(name: str, folder: Path, settings: list[str]) -> AsyncIterator[Parts]:
    from actors.formats import get_format
    from actors.rollouts.codec import Codec
    from sandbox.equivalence import AnswerChecker
    from sandbox.interpreter import Sandbox
    from store.records import PolicyPointer

    case = CASES[name]
    config = config_of(case, settings)
    fmt = get_format(config.sampler.solution_format)
    codec = Codec.from_folder(folder / "policy", fmt)
    engine = make_engine(config, codec)
    await engine.start(PolicyPointer(1, str(folder / "policy")))
    async with Sandbox(config.sandbox) as sandbox, AnswerChecker(config.answer_checker) as checker:
        if case.planned:
            engine = PlannedEngine(engine, codec)
        yield Parts(case, config, engine, codec, sandbox, checker, folder)


def make_engine(config: Any, codec: Any) -> Any:
    from actors.engine import PolicyEngine

    return PolicyEngine(config.sampler.engine, codec.format.stop)


class PlannedEngine:
    """Samples as many tokens as the rollout's plan has for a turn, and appends the plan's code to them."""

    def __init__(self, engine: Any, codec: Any) -> None:
        import vllm

        self.engine, self._codec = engine, codec
        params = vllm.SamplingParams
        vllm.SamplingParams = lambda **options: params(  # type: ignore[misc,assignment]
            **{**options, "stop": None, "ignore_eos": True, "repetition_detection": None}
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    async def generate(self, context_ids: tuple[int, ...], max_tokens: int, sampling: Any, **options: Any) -> Any:
        from actors.rollouts.rollout import End
        from store.records import PolicySpan

        plan, turn = _PLAN.get(), _TURN.get()
        _TURN.set(turn + 1)
        sampled = await self.engine.generate(context_ids, min(plan.tokens[turn], max_tokens), sampling, **options)
        last = turn == len(plan.blocks)
        text = "\n\\boxed{1}" if last else fenced(plan.blocks[turn])
        ids = (*sampled.token_ids, *self._codec.text(text), *([self._codec.eos_id] if last else []))
        end = End.END_TOKEN if last else End.STOP_TEXT
        more = (0.0,) * (len(ids) - len(sampled.token_ids))
        logprobs = None if sampled.logprobs is None else (*sampled.logprobs, *more)
        return replace(sampled, token_ids=ids, spans=(PolicySpan(1, 0, len(ids)),), end=end, logprobs=logprobs)


@asynccontextmanager
async def scheduled(parts: Parts) -> AsyncIterator[Any]:
    """A copy of the store in which the case's rollouts are scheduled."""
    from store.records import Policy, Sampling
    from store.store import Store

    copy = parts.folder / f"store-{os.getpid()}.db"
    shutil.copy(parts.folder / "store.db", copy)
    try:
        with Store.open(f"sqlite:///{copy}") as store:
            version = store.policies.next_version()
            assert version == parts.engine.version, "else the sampler would load another policy"
            store.policies.add(Policy(version, None, str(parts.folder / "policy")))
            store.iterations.open(1, policy_version=version)
            sampling = Sampling(parts.config.iteration.temperature)
            store.iterations.schedule(1, parts.case.problems, parts.case.samples, sampling)
            yield store
    finally:
        for file in parts.folder.glob(copy.name + "*"):
            file.unlink()


async def ours(parts: Parts, _: Any) -> dict[str, Any]:
    """The product's worker with the store, the sandbox and the checker."""
    from actors.attempts.attempt import Attempter
    from actors.sampling.following import PolicyFollower
    from actors.sampling.worker import LeaseTerms, RolloutWorker
    from store.runs.samplers import SamplerState

    class PlannedAttempter(Attempter):
        async def attempt(self, assignment: Any, sample_index: int, *more: Any, **options: Any) -> Any:
            begin_plan(f"{assignment.id}-{sample_index}")
            return await super().attempt(assignment, sample_index, *more, **options)

    settings, total, done = parts.config.sampler, parts.case.problems * parts.case.samples, 0
    async with scheduled(parts) as store:
        attempter = PlannedAttempter(parts.engine, parts.sandbox, parts.checker, parts.codec, settings)
        follower = PolicyFollower(parts.engine, lambda: worker.evaluations_settled())
        worker = RolloutWorker(LeaseTerms("bench"), store.assignments, store.rollouts, attempter, settings, follower)
        store.samplers.register("bench", "host")
        store.samplers.report("bench", SamplerState.SAMPLING, parts.engine.version, progressed=True)

        async def work() -> None:
            nonlocal done
            running = asyncio.create_task(worker.run())
            try:
                while done < total:
                    done += (await worker.drain_stats(1.0)).rollouts
            finally:
                running.cancel()
                await asyncio.wait([running])

        figures = await measured(work)
        rollouts = list(store.rollouts.iterate(iteration=1))
    return figures | summary(parts, {r.id: sum(r.model_mask) for r in rollouts}, rollouts)


def begin_plan(rollout: str) -> None:
    _PLAN.set(plan_of(rollout))
    _TURN.set(0)


def summary(parts: Parts, lengths: dict[str, int], rollouts: list[Any]) -> dict[str, Any]:
    """Counts of a run: of planned rollouts only the tokens that the engine sampled."""
    if parts.case.planned:
        lengths = {rollout: sum(plan_of(rollout).tokens) for rollout in lengths}
    outcomes: dict[str, int] = {}
    for rollout in rollouts:
        outcomes[rollout.outcome.value] = outcomes.get(rollout.outcome.value, 0) + 1
    return {"rollouts": len(lengths), "tokens": sum(lengths.values()), "lengths": lengths, "outcomes": outcomes}


async def bare(parts: Parts, lengths: dict[str, int]) -> dict[str, Any]:
    """The engine alone: the same prompts, and for each rollout one request for as many tokens.

    A plan's code was not sampled: it is part of the prompt here.
    """
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    policy_engine = parts.engine.engine if parts.case.planned else parts.engine
    engine = policy_engine._engine
    async with scheduled(parts) as store:
        assignments = store.assignments.lease("bench", parts.case.problems * 1000, LEASE_S).assignments
    prompts = {a.id: parts.codec.prompt(a.problem.question) for a in assignments}
    waiting = list(lengths.items())
    temperature, engine_settings = parts.config.iteration.temperature, parts.config.sampler.engine

    async def slot() -> None:
        while waiting:
            name, tokens = waiting.pop(0)
            params = SamplingParams(
                temperature=temperature,
                max_tokens=tokens,
                ignore_eos=True,
                detokenize=False,
                logprobs=0 if engine_settings.logprobs else None,
                output_kind=RequestOutputKind.FINAL_ONLY,
            )
            prompt = {"prompt_token_ids": [*prompts[int(name.partition("-")[0])], *planned_code(parts, name)]}
            async for _ in engine.generate(prompt, params, f"bare-{name}-{time.monotonic_ns()}"):
                pass

    async def work() -> None:
        await asyncio.gather(*(slot() for _ in range(engine_settings.max_concurrent_rollouts)))

    return await measured(work) | {"rollouts": len(lengths), "tokens": sum(lengths.values())}


def planned_code(parts: Parts, rollout: str) -> tuple[int, ...]:
    return parts.codec.text("".join(map(fenced, plan_of(rollout).blocks))) if parts.case.planned else ()


def fenced(block: str) -> str:
    return f"\n```python\n{block}\n```\n"


async def lock_step(parts: Parts, _: Any) -> dict[str, Any]:
    """Batches of as many rollouts as the engine takes: all generate a turn, then all blocks run, then the next turn."""
    async with scheduled(parts) as store:
        assignments = store.assignments.lease("bench", parts.case.problems * 1000, LEASE_S).assignments
    waiting = [(a, index) for a in assignments for index in a.pending]
    size = parts.config.sampler.engine.max_concurrent_rollouts
    lengths: dict[str, int] = {}

    async def work() -> None:
        for start in range(0, len(waiting), size):
            async with AsyncExitStack() as sessions:
                lengths.update(await lock_step_batch(parts, waiting[start : start + size], sessions))

    return await measured(work) | summary(parts, lengths, [])


async def lock_step_batch(parts: Parts, batch: list[Any], sessions: AsyncExitStack) -> dict[str, int]:
    from actors.attempts.interaction import execution_record
    from actors.rollouts.rollout import Execute, Generate, RolloutState

    limits, engine_settings = parts.config.sampler.limits, parts.config.sampler.engine
    states = [RolloutState(parts.codec, a.problem.question, limits, engine_settings.max_model_len) for a, _ in batch]
    opened: list[Any] = [None] * len(batch)
    turns = [0] * len(batch)

    async def generate(number: int) -> None:
        assignment, index = batch[number]
        begin_plan(f"{assignment.id}-{index}")
        _TURN.set(turns[number])
        turns[number] += 1
        step = states[number].step
        made = await parts.engine.generate(step.context_ids, step.max_tokens, assignment.sampling)
        states[number].add_generation(made)

    async def execute(number: int) -> None:
        source = states[number].step.source
        if opened[number] is None:
            opened[number] = await sessions.enter_async_context(parts.sandbox.session())
        execution = await opened[number].run(source)
        record = execution_record(source, execution)
        states[number].add_execution(record, execution.shown(limits.max_output_chars))

    async def each(kind: type, do: Callable[[int], Awaitable[None]]) -> bool:
        numbers = [number for number, state in enumerate(states) if isinstance(state.step, kind)]
        await asyncio.gather(*(do(number) for number in numbers))
        return bool(numbers)

    while await each(Generate, generate) or await each(Execute, execute):
        pass
    answers = [(a.problem.accepted_answers, s.step.answer) for (a, _), s in zip(batch, states, strict=True)]
    await asyncio.gather(*(parts.checker.check(*pair) for pair in answers if pair[1] is not None))
    return {f"{a.id}-{i}": sum(s.model_mask) for (a, i), s in zip(batch, states, strict=True)}


MODES: dict[str, Callable[[Parts, Any], Awaitable[dict[str, Any]]]] = {
    "ours": ours,
    "bare": bare,
    "lock-step": lock_step,
}


async def measured(work: Callable[[], Awaitable[None]]) -> dict[str, Any]:
    """Wall seconds of `work`, and the processor seconds of this process, the engine's, and the jails'."""
    before, started = cpu_seconds(), time.perf_counter()
    await work()
    wall_s = time.perf_counter() - started
    after = cpu_seconds()
    return {"seconds": wall_s, "cpu": {part: after[part] - before.get(part, 0.0) for part in after}}


def cpu_seconds() -> dict[str, float]:
    own = psutil.Process().cpu_times()
    # What has ended and was waited for are jails: a jail is replaced after some thousands of sessions.
    ended = own.children_user + own.children_system
    seconds = {"sampler": own.user + own.system, "engine": 0.0, "sandbox": ended}
    for child in psutil.Process().children(recursive=True):
        try:
            times, name = child.cpu_times(), child.name()
        except psutil.NoSuchProcess:  # a session that has just ended: its parent counts it
            continue
        part = "engine" if "EngineCor" in name else "sandbox"
        seconds[part] += times.user + times.system + times.children_user + times.children_system
    return seconds
