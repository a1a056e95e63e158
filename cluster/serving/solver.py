"""Solutions to questions without a reference answer: rollouts whose text is streamed while they run."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.attempts.interaction import run_rollout
from actors.engine import EngineDied, PolicyEngine, RequestFailed
from actors.rollouts.codec import Codec
from actors.rollouts.rollout import RolloutState, last_version
from actors.settings import RolloutLimits
from cluster.serving.errors import ApiError
from cluster.serving.streaming import OnText, StreamingEngine
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import ExecutionRecord, Sampling


@dataclass(frozen=True, slots=True)
class Solution:
    """A whole solution. `completion_tokens` counts all tokens after the prompt, interpreter output included."""

    content: str
    answer: str | None
    truncated: bool
    executions: tuple[ExecutionRecord, ...]
    completion_tokens: int
    policy_version: int | None


class Solver:
    """Makes solutions with one engine and one sandbox, many concurrently."""

    def __init__(
        self, engine: PolicyEngine, sandbox: Sandbox, codec: Codec, limits: RolloutLimits, context_limit_tokens: int
    ) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self._codec = codec
        self._limits = limits
        self._context_limit_tokens = context_limit_tokens
        self.in_flight = 0  # unfinished rollouts

    def new_rollout(self, question: str, limit: tuple[str, int] | None) -> RolloutState:
        """A rollout at its start. `limit` is the request parameter that limits the tokens, and its value.

        Raises:
            ApiError: the question or the limit exceeds the context.
        """
        limits = self._limits
        if limit is not None:
            name, max_tokens = limit
            if max_tokens > self._context_limit_tokens:
                raise ApiError(
                    400, f"{name}: at most {self._context_limit_tokens}, not {max_tokens}", name, "invalid_value"
                )
            limits = limits.model_copy(update={"max_tokens": max_tokens})
        state = RolloutState(self._codec, question, limits, self._context_limit_tokens)
        if len(state.prompt_ids) >= self._context_limit_tokens:
            raise ApiError(
                400,
                f"messages: the question has {len(state.prompt_ids)} tokens; with its solution it must fit into "
                f"{self._context_limit_tokens}",
                "messages",
                "context_length_exceeded",
            )
        return state

    async def solve(self, state: RolloutState, sampling: Sampling, on_text: OnText) -> Solution:
        """Run a rollout to its end. `on_text` is called with each new piece of text; joined, they are the content.

        Raises:
            ApiError: the engine or the sandbox failed.
        """
        pieces: list[str] = []

        def emit(piece: str) -> None:
            if piece:
                pieces.append(piece)
                on_text(piece)

        self.in_flight += 1
        try:
            end = await run_rollout(
                state,
                StreamingEngine(self._engine, self._codec, emit),
                self._sandbox,
                sampling,
                self._limits.max_output_chars,
                on_output=lambda shown: emit(self._codec.format.output(shown)),
            )
        except RequestFailed as error:
            raise ApiError(500, f"the engine failed on the request, repeat it: {error}") from error
        except EngineDied as error:
            raise ApiError(503, "the engine has died and is being restarted: repeat the request later") from error
        finally:
            self.in_flight -= 1
        if any(record.status == Status.SANDBOX_FAILURE for record in state.executions):
            raise ApiError(500, "the sandbox failed to run the policy's code: see the server's log")
        return Solution(
            content="".join(pieces),
            answer=end.answer,
            truncated=end.cut is not None,
            executions=tuple(state.executions),
            completion_tokens=len(state.token_ids),
            policy_version=last_version(state.spans),
        )

    async def solve_all(
        self, states: Sequence[RolloutState], sampling: Sampling, on_event: Callable[[int, str | Solution], None]
    ) -> list[Solution]:
        """Run several rollouts concurrently. `on_event` is called with the index of a rollout and a piece of its text,
        and at its end with the index and the solution.

        Raises:
            ApiError: one rollout failed; the others are cancelled.
        """

        async def solve_one(index: int) -> Solution:
            solution = await self.solve(states[index], sampling, lambda piece: on_event(index, piece))
            on_event(index, solution)
            return solution

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(solve_one(index)) for index in range(len(states))]
        except* ApiError as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]
