"""Solutions to questions without a reference answer: rollouts whose text is streamed while they run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from actors.attempts.interaction import generate_until_code, run_rollout
from actors.attempts.progress import AttemptProgress
from actors.engine import EngineDied, PolicyEngine, RequestFailed, RequestInvalid, TokenLogprobs
from actors.rollouts.codec import Codec
from actors.rollouts.conversation import Conversation
from actors.rollouts.rollout import End, Execute, Finished, Generate, RolloutState, versions_of
from actors.settings import RolloutLimits
from cluster.serving.errors import ApiError
from cluster.serving.solving.concurrently import make_all
from cluster.serving.solving.slots import Slots
from cluster.serving.solving.stopping import StopReached
from cluster.serving.solving.streaming import StreamingEngine
from cluster.serving.solving.text_request import Interpreter, OnPiece, Piece, Pieces, TextRequest
from cluster.serving.solving.tool_calls import HeldCode
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import ExecutionRecord


@dataclass(frozen=True, slots=True)
class Solution:
    """A whole solution.

    Attributes:
        content: Its text. Code that the client is to run is not part of it.
        answer: The answer at its end, None without one.
        truncated: Whether a limit ended it.
        executions: The blocks of code that were run.
        completion_tokens: All tokens after the prompt, those of the interpreter's output included.
        sampled_tokens: Those that the policy sampled.
        policy_versions: Those that wrote it, in turn: several if another one was swapped in meanwhile.
        logprobs: The log-probabilities of the sampled tokens, if they were asked for.
        code: The code at its end that the client is to run, None if it has ended.
        votes: The answers among which it was chosen, with their counts, or the sums of their weights.
        value: The value model's score, if it was asked for.
    """

    content: str
    answer: str | None
    truncated: bool
    executions: tuple[ExecutionRecord, ...]
    completion_tokens: int
    sampled_tokens: int
    policy_versions: tuple[int, ...]
    logprobs: tuple[TokenLogprobs, ...] = ()
    code: str | None = None
    votes: tuple[tuple[str, float], ...] = ()
    value: float | None = None


@contextmanager
def engine_errors(request: TextRequest) -> Iterator[None]:
    """Raise the engine's errors as those of the request."""
    try:
        yield
    except RequestInvalid as error:
        param = None if request.options.json_schema is None else "response_format"
        raise ApiError(400, f"{param or 'the engine rejected the request'}: {error}", param, "invalid_value") from error
    except RequestFailed as error:
        raise ApiError(500, f"the engine failed on the request, repeat it: {error}") from error
    except EngineDied as error:
        message = "the engine has died and is being restarted: repeat the request later"
        raise ApiError(503, message, retry_after_s=_RESTART_S) from error


_RESTART_S = 15  # about what an engine takes to start


class Solver:
    """Makes solutions with one engine and one sandbox, many concurrently."""

    def __init__(
        self,
        engine: PolicyEngine,
        sandbox: Sandbox,
        codec: Codec,
        limits: RolloutLimits,
        context_limit_tokens: int,
        slots: Slots,
    ) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self.codec = codec
        self._limits = limits
        self.context_limit_tokens = context_limit_tokens
        self.slots = slots

    def streaming(self, request: TextRequest, on_piece: OnPiece) -> StreamingEngine:
        """The engine for one text."""
        return StreamingEngine(self._engine, self.codec, request, on_piece)

    def new_rollout(self, question: Conversation, limit: tuple[str, int] | None) -> RolloutState:
        """A rollout at its start, for the last question of a conversation.

        `limit` is the request parameter that limits the tokens, and its value.

        Raises:
            ApiError: the question or the limit exceeds the context.
        """
        limits = self._limits
        if limit is not None:
            name, max_tokens = limit
            if max_tokens > self.context_limit_tokens:
                raise ApiError(
                    400, f"{name}: at most {self.context_limit_tokens}, not {max_tokens}", name, "invalid_value"
                )
            limits = limits.model_copy(update={"max_tokens": max_tokens})
        state = RolloutState(self.codec, question, limits, self.context_limit_tokens)
        if len(state.prompt_ids) >= self.context_limit_tokens:
            raise ApiError(
                400,
                f"messages: the conversation has {len(state.prompt_ids)} tokens; with its solution it must fit into "
                f"{self.context_limit_tokens}",
                "messages",
                "context_length_exceeded",
            )
        return state

    async def solve(self, state: RolloutState, request: TextRequest, on_piece: OnPiece) -> Solution:
        """Run a rollout to its end, to code that the client is to run, or to a stop text that the policy writes.

        `on_piece` is called with each new piece of the content.

        Raises:
            ApiError: the engine or the sandbox failed, or the server has no slot.
        """
        async with self.slots.slot(request.caller):
            with engine_errors(request):
                return await self._solve(state, request, Pieces(on_piece))

    async def _solve(self, state: RolloutState, request: TextRequest, pieces: Pieces) -> Solution:
        held = HeldCode(pieces.add, self.codec.format.code_open)
        by_client = request.interpreter is Interpreter.CLIENT
        engine = self.streaming(request, held.add if by_client else pieces.add)
        end, code = Finished(None), None
        try:
            match request.interpreter:
                case Interpreter.SERVER:
                    end = await self._run(state, engine, request, pieces)
                case Interpreter.CLIENT:
                    await generate_until_code(state, engine, request.sampling, AttemptProgress())
                    if isinstance(state.step, Execute):
                        code = state.step.source
                    else:
                        end = _finished(state)
                case Interpreter.NOBODY:
                    end = await self._write_turn(state, engine, request)
        except StopReached:
            end = Finished(self.codec.format.find_answer(pieces.text))
        if by_client and code is None:
            held.release()
        if any(record.status == Status.SANDBOX_FAILURE for record in state.executions):
            raise ApiError(500, "the sandbox failed to run the policy's code: see the server's log")
        return Solution(
            content=pieces.text,
            answer=end.answer,
            truncated=end.cut is not None,
            executions=tuple(state.executions),
            completion_tokens=len(state.token_ids) + engine.tokens,
            sampled_tokens=sum(state.model_mask) + engine.tokens,
            policy_versions=versions_of([*state.spans, *engine.unfinished]),
            logprobs=pieces.logprobs,
            code=code,
        )

    async def _run(
        self, state: RolloutState, engine: StreamingEngine, request: TextRequest, pieces: Pieces
    ) -> Finished:
        return await run_rollout(
            state,
            engine,
            self._sandbox,
            request.sampling,
            self._limits.max_output_chars,
            on_output=lambda shown: pieces.add(Piece(self.codec.format.output(shown))),
            caller=request.caller,
        )

    async def _write_turn(self, state: RolloutState, engine: StreamingEngine, request: TextRequest) -> Finished:
        """Sample one turn, whatever it is."""
        assert isinstance(state.step, Generate)
        made = await engine.generate(state.step.context_ids, state.step.max_tokens, request.sampling)
        state.add_generation(replace(made, end=End.END_TOKEN if made.end is End.STOP_TEXT else made.end))
        return _finished(state)

    async def solve_all(
        self,
        states: Sequence[RolloutState],
        requests: Sequence[TextRequest],
        on_event: Callable[[int, Piece | Solution], None],
    ) -> list[Solution]:
        """Run several rollouts concurrently.

        `on_event` is called with the index of a rollout and a piece of its text, and at its end with the index and the
        solution.

        Raises:
            ApiError: one rollout failed; the others are cancelled.
        """

        async def solve_one(index: int, on_piece: OnPiece) -> Solution:
            return await self.solve(states[index], requests[index], on_piece)

        return await make_all(len(states), solve_one, on_event)


def _finished(state: RolloutState) -> Finished:
    assert isinstance(state.step, Finished)
    return state.step
