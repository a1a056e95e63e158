"""The drive of one rollout: between the engine, which samples turns, and the sandbox, which runs their code."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from actors.rollout import Execute, Finished, Generate, Generation, RolloutState
from sandbox.execution import Execution
from sandbox.interpreter import Sandbox, Session
from store.records import ExecutionRecord, Sampling


class Engine(Protocol):
    """What a rollout needs of an engine."""

    async def generate(self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling) -> Generation:
        """Samples one turn of the policy."""
        ...


def _unheard(_: str) -> None:
    """Nobody listens."""


async def drive(
    state: RolloutState,
    engine: Engine,
    sandbox: Sandbox,
    sampling: Sampling,
    max_output_chars: int,
    on_output: Callable[[str], None] = _unheard,
    caller: str = "",
) -> Finished:
    """Moves a rollout on until it is finished; until its first code block no session is opened, as many need none.

    `on_output` hears what the policy is shown of each block, as soon as it stands in the rollout. `caller`: between
    whom the sandbox's turns are shared fairly. Whoever cancels this ends the request in the engine and the session in
    the sandbox.
    """
    await _generate_until_code(state, engine, sampling)
    if isinstance(state.step, Execute):
        async with sandbox.session(caller) as session:
            await _execute_until_finished(state, engine, session, sampling, max_output_chars, on_output)
    assert isinstance(state.step, Finished)
    return state.step


async def _execute_until_finished(
    state: RolloutState,
    engine: Engine,
    session: Session,
    sampling: Sampling,
    max_output_chars: int,
    on_output: Callable[[str], None],
) -> None:
    while isinstance(state.step, Execute):
        source, segments = state.step.source, len(state.segments)
        execution = await session.run(source)
        shown = execution.shown(max_output_chars)
        state.add_execution(as_record(source, execution), shown)
        if len(state.segments) > segments:  # else no room was left for it
            on_output(shown)
        await _generate_until_code(state, engine, sampling)


async def _generate_until_code(state: RolloutState, engine: Engine, sampling: Sampling) -> None:
    while isinstance(state.step, Generate):
        turn = _of_this_turn(sampling, len(state.token_ids))
        state.add_generation(await engine.generate(state.step.context_ids, state.step.max_tokens, turn))


def _of_this_turn(sampling: Sampling, tokens: int) -> Sampling:
    """A later turn is not sampled with the random numbers of the first over again."""
    return sampling if sampling.seed is None else replace(sampling, seed=sampling.seed + tokens)


def as_record(source: str, execution: Execution) -> ExecutionRecord:
    """An execution as the store keeps it; a traceback stands at the end of stderr, where Python prints it."""
    return ExecutionRecord(
        status=execution.status.value,
        source=source,
        stdout=execution.stdout,
        stderr=execution.stderr + execution.error,
        value=execution.value,
        seconds=execution.seconds,
    )
