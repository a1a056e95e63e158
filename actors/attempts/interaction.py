"""One rollout, run between the engine, which samples turns, and the sandbox, which executes their code.

Shared by sampling (`actors.attempts.attempt`) and serving (`cluster.serving.solving.solver`), so it needs neither a
reference answer nor a store.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Protocol

from actors.attempts.progress import AttemptProgress, Part
from actors.engine import RequestProgress
from actors.rollouts.rollout import Execute, Finished, Generate, Generation, RolloutState
from sandbox.execution import Execution
from sandbox.interpreter import Sandbox, Session
from store.records import ExecutionRecord, Sampling


class Engine(Protocol):
    """The part of an engine that a rollout uses."""

    async def generate(
        self,
        context_ids: tuple[int, ...],
        max_tokens: int,
        sampling: Sampling,
        *,
        progress: RequestProgress | None = None,
    ) -> Generation:
        """Sample one turn of the policy; `progress` is kept up to date."""
        ...


def _ignore(_: str) -> None:
    pass


async def run_rollout(
    state: RolloutState,
    engine: Engine,
    sandbox: Sandbox,
    sampling: Sampling,
    max_output_chars: int,
    on_output: Callable[[str], None] = _ignore,
    caller: str = "",
    progress: AttemptProgress | None = None,
) -> Finished:
    """Advance a rollout until it is finished.

    A sandbox session is opened at the first code block, since many rollouts have none. Cancelling this coroutine
    aborts the request in the engine and closes the session.

    Args:
        state: The rollout, updated in place.
        engine: Samples the turns.
        sandbox: Executes the code blocks, all in one session.
        sampling: The rollout's sampling parameters; each turn derives its own seed from theirs.
        max_output_chars: Characters of a block's output that the policy sees.
        on_output: Called with the output that the policy sees of each block, once it is part of the rollout.
        caller: The group for which the sandbox schedules the blocks: groups share its slots fairly.
        progress: Kept up to date.
    """
    progress = progress or AttemptProgress()
    await generate_until_code(state, engine, sampling, progress)
    if isinstance(state.step, Execute):
        async with _session(sandbox, caller, progress) as session:
            await _execute_until_finished(state, engine, session, sampling, max_output_chars, on_output, progress)
    assert isinstance(state.step, Finished)
    return state.step


@asynccontextmanager
async def _session(sandbox: Sandbox, caller: str, progress: AttemptProgress) -> AsyncIterator[Session]:
    async with AsyncExitStack() as stack:
        with progress.within(Part.SESSION):
            session = await stack.enter_async_context(sandbox.session(caller))
        yield session


async def _execute_until_finished(
    state: RolloutState,
    engine: Engine,
    session: Session,
    sampling: Sampling,
    max_output_chars: int,
    on_output: Callable[[str], None],
    progress: AttemptProgress,
) -> None:
    while isinstance(state.step, Execute):
        source, num_segments = state.step.source, len(state.segments)
        with progress.within(Part.SANDBOX):
            execution = await session.run(source)
        shown = execution.shown(max_output_chars)
        state.add_execution(execution_record(source, execution), shown)
        if len(state.segments) > num_segments:  # else the output did not fit
            on_output(shown)
        await generate_until_code(state, engine, sampling, progress)


async def generate_until_code(
    state: RolloutState, engine: Engine, sampling: Sampling, progress: AttemptProgress
) -> None:
    """Advance a rollout to its next code block, which is not run, or to its end."""
    while isinstance(state.step, Generate):
        step, turn_sampling = state.step, _for_turn(sampling, len(state.token_ids))
        with progress.within(Part.ENGINE):
            generation = await engine.generate(
                step.context_ids, step.max_tokens, turn_sampling, progress=progress.next_request()
            )
        state.add_generation(generation)


def _for_turn(sampling: Sampling, offset_tokens: int) -> Sampling:
    """Derive the seed of a turn from its offset, so that turns do not repeat each other's random numbers."""
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + offset_tokens)


def execution_record(source: str, execution: Execution) -> ExecutionRecord:
    """An execution in the store's form. A traceback is at the end of `stderr`, where Python prints it."""
    return ExecutionRecord(
        status=execution.status.value,
        source=source,
        stdout=execution.stdout,
        stderr=execution.stderr + execution.error,
        value=execution.value,
        seconds=execution.seconds,
    )
