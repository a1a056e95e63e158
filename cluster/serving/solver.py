"""Solutions for those who ask: a rollout without a reference answer, told piece by piece while it is made."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from actors.codec import Codec
from actors.drive import drive
from actors.engine import PolicyEngine
from actors.rollout import Generation, RolloutState, last_version
from actors.settings import RolloutLimits
from cluster.serving.errors import ApiError
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import ExecutionRecord, Sampling

_INCOMPLETE = "\ufffd"  # what decoding makes of a character of which only the first bytes were sampled

Hear = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Solution:
    """A whole solution. `completion_tokens` counts all behind the prompt, the interpreter's words included."""

    content: str
    answer: str | None
    truncated: bool
    executions: tuple[ExecutionRecord, ...]
    completion_tokens: int
    policy_version: int | None


class Solver:
    """Makes solutions with one engine and one sandbox. Many may be under way at the same time."""

    def __init__(
        self, engine: PolicyEngine, sandbox: Sandbox, codec: Codec, limits: RolloutLimits, context_limit_tokens: int
    ) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self._codec = codec
        self._limits = limits
        self._context_limit_tokens = context_limit_tokens
        self.in_flight = 0  # rollouts under way

    def begin(self, question: str, limit: tuple[str, int] | None) -> RolloutState:
        """A rollout that has not begun; `limit` is a number of tokens and the name of the parameter that gave it.

        Raises:
            ApiError: the question or the limit is larger than the context.
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
                f"messages: the question is {len(state.prompt_ids)} tokens long; with its solution it must fit into "
                f"{self._context_limit_tokens}",
                "messages",
                "context_length_exceeded",
            )
        return state

    async def solve(self, state: RolloutState, sampling: Sampling, hear: Hear) -> Solution:
        """Runs a rollout to its end. `hear` is told each piece of text as it comes; together they are the content.

        Raises:
            ApiError: the sandbox failed.
        """
        pieces: list[str] = []

        def tell(piece: str) -> None:
            if piece:
                pieces.append(piece)
                hear(piece)

        self.in_flight += 1
        try:
            end = await drive(
                state,
                _Aloud(self._engine, self._codec, tell),
                self._sandbox,
                sampling,
                self._limits.max_output_chars,
                on_output=lambda shown: tell(self._codec.format.output(shown)),
            )
        finally:
            self.in_flight -= 1
        if any(record.status == Status.SANDBOX_FAILURE for record in state.executions):
            raise ApiError(500, "the sandbox failed to run the policy's code: see the server's log")
        return Solution(
            content="".join(pieces),
            answer=end.answer,
            truncated=end.truncated,
            executions=tuple(state.executions),
            completion_tokens=len(state.token_ids),
            policy_version=last_version(state.spans),
        )

    async def solve_all(
        self, states: Sequence[RolloutState], sampling: Sampling, hear: Callable[[int, str | Solution], None]
    ) -> list[Solution]:
        """Several solutions at the same time; `hear` is told each one's pieces, and then the solution, by its index.

        Raises:
            ApiError: one failed; the others are given up.
        """

        async def solve_one(index: int) -> Solution:
            solution = await self.solve(states[index], sampling, lambda piece: hear(index, piece))
            hear(index, solution)
            return solution

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(solve_one(index)) for index in range(len(states))]
        except* ApiError as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]


class _Aloud:
    """The engine for one rollout, every turn of which is told while it is sampled."""

    def __init__(self, engine: PolicyEngine, codec: Codec, tell: Hear) -> None:
        self._engine = engine
        self._codec = codec
        self._tell = tell

    async def generate(self, context_ids: tuple[int, ...], max_tokens: int, sampling: Sampling) -> Generation:
        """Samples one turn and tells it."""
        turn = TurnText(self._codec)
        generation = await self._engine.generate(
            context_ids, max_tokens, sampling, on_tokens=lambda ids: self._tell(turn.add(ids))
        )
        self._tell(turn.rest())
        return generation


class TurnText:
    """The text of a turn whose tokens come one after the other: only whole characters are handed out.

    A new token is decoded together with the few before it, since in some vocabularies a token's text depends on them.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._ids: list[int] = []
        self._context = 0  # where the tokens begin that are decoded again
        self._told = 0  # tokens whose text was handed out

    def add(self, token_ids: Sequence[int]) -> str:
        """The text that is complete with these tokens."""
        self._ids.extend(token_ids)
        text = self._new_text()
        return "" if text.endswith(_INCOMPLETE) else self._hand_out(text)

    def rest(self) -> str:
        """What was held back, at the turn's end."""
        return self._hand_out(self._new_text())

    def _new_text(self) -> str:
        known = self._codec.decode(self._ids[self._context : self._told])
        return self._codec.decode(self._ids[self._context :])[len(known) :]

    def _hand_out(self, text: str) -> str:
        if self._told < len(self._ids):
            self._context, self._told = self._told, len(self._ids)
        return text
