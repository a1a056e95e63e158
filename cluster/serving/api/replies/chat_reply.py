"""Replies to chat completions."""

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from actors.rollouts.codec import Codec
from actors.rollouts.rollout import RolloutState
from cluster.serving.api.replies.head import Head, options_of, samplings_of, usage, written_by
from cluster.serving.api.replies.token_texts import chat_logprobs
from cluster.serving.api.requests.chat import ChatRequest
from cluster.serving.api.requests.tools import TOOL_NAME
from cluster.serving.errors import ApiError
from cluster.serving.policies.loaded import LoadedPolicy
from cluster.serving.solving.choosing import best, by_majority
from cluster.serving.solving.solver import Solution
from cluster.serving.solving.text_request import Interpreter, Piece, TextRequest
from store.records import Sampling

_OnEvent = Callable[[int, Piece | Solution], None]


@dataclass(frozen=True)
class ChatReply:
    """Solutions to a question, with what the interpreter did. `on_made` gets them once all are made."""

    request: ChatRequest
    policy: LoadedPolicy
    head: Head
    states: list[RolloutState]
    texts: list[TextRequest]
    by_value: bool
    on_made: Callable[[list[Solution]], None] = lambda solutions: None

    @classmethod
    def to(cls, request: ChatRequest, policy: LoadedPolicy, model: str, caller: str) -> "ChatReply":
        """The reply to a request.

        Raises:
            ApiError: the request cannot be met.
        """
        by_value = request.ranks_by_value(available=policy.value_model is not None)
        if by_value and policy.value_model is None:
            message = "automathes.rank_by: this server has no value model (`automathes serve --rerank value`)"
            raise ApiError(400, message, "automathes.rank_by", "invalid_value")
        count, solver = request.count, policy.solver
        # One solution is greedy, as in evaluation, and several are sampled as in training.
        trained = policy.trained_sampling
        default = Sampling(0.0 if count == 1 else trained.temperature, trained.top_p)
        wants_logprobs = request.logprobs or request.automathes.attempts
        top = (request.top_logprobs or 0) if wants_logprobs else None
        text = TextRequest(
            default,
            options_of(request, solver.codec.vocabulary_size, top, request.response_format.schema_text),
            tuple(request.stop),
            _interpreter(request),
            request.stream,
            caller,
        )
        samplings = samplings_of(request, default, count, on_gpu=policy.on_gpu)
        conversation = request.conversation(solver.codec.format)
        return cls(
            request,
            policy,
            Head(model, "chatcmpl", "chat.completion"),
            [solver.new_rollout(conversation, request.limit) for _ in range(count)],
            [replace(text, sampling=sampling) for sampling in samplings],
            by_value,
        )

    async def make(self, on_event: _OnEvent) -> list[Solution]:
        """Make the solutions, and choose one if that was asked for."""
        solutions = await self._make(on_event)
        self.on_made(solutions)
        return solutions

    async def _make(self, on_event: _OnEvent) -> list[Solution]:
        options, solver = self.request.automathes, self.policy.solver
        if options.attempts is None and options.content == "interleaved":
            return await solver.solve_all(self.states, self.texts, on_event)
        made = await solver.solve_all(self.states, self.texts, lambda index, event: None)
        if self.by_value:
            made = await self._valued(made)
        if options.attempts is not None:
            made = [by_majority(made) if options.majority_of else best(made)]
        if options.content == "answer":
            made = [replace(solution, content=solution.answer or "") for solution in made]
        for index, solution in enumerate(made):
            on_event(index, Piece(solution.content, solution.logprobs))
            on_event(index, solution)
        return made

    async def _valued(self, made: list[Solution]) -> list[Solution]:
        """The solutions with their values."""
        assert self.policy.value_model is not None
        values = await self.policy.value_model.score([[*one.prompt_ids, *one.token_ids] for one in self.states])
        return [replace(solution, value=value) for solution, value in zip(made, values, strict=True)]

    def body(self, results: list[Solution]) -> dict[str, Any]:
        """The whole reply."""
        choices = [self._choice(index, solution) for index, solution in enumerate(results)]
        return {**self.head.fields(), "choices": choices, "usage": self._usage(results)}

    def opening(self) -> Iterable[dict[str, Any]]:
        """The role of each message."""
        return (self._chunk(index, {"role": "assistant", "content": ""}) for index in range(self.request.n))

    def piece(self, index: int, piece: Piece) -> dict[str, Any]:
        """The chunk for a piece of a solution."""
        return self._chunk(index, {"content": piece.text}, logprobs=self._logprobs(piece.logprobs))

    def end(self, index: int, result: Solution) -> dict[str, Any]:
        """The chunk for the end of a solution."""
        call = {} if result.code is None else {"tool_calls": [{"index": 0, **self._call(result.code)}]}
        return self._chunk(index, call, _end_of_solution(result))

    def last(self, results: list[Solution]) -> dict[str, Any] | None:
        """The count of tokens, if it was asked for."""
        if not self.request.streams_usage:
            return None
        return {**self.head.fields(".chunk"), "choices": [], "usage": self._usage(results)}

    def _choice(self, index: int, solution: Solution) -> dict[str, Any]:
        call = {} if solution.code is None else {"tool_calls": [self._call(solution.code)]}
        message = {"role": "assistant", "content": solution.content, "refusal": None, **call}
        logprobs = self._logprobs(solution.logprobs)
        return {"index": index, "message": message, "logprobs": logprobs, **_end_of_solution(solution)}

    def _chunk(
        self, index: int, delta: dict[str, Any], end: dict[str, Any] | None = None, logprobs: Any = None
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, **(end or {"finish_reason": None})}
        return {**self.head.fields(".chunk"), "choices": [choice]}

    def _call(self, code: str) -> dict[str, Any]:
        [tool] = self.request.tools
        arguments = json.dumps({tool.function.parameter: code})
        function = {"name": TOOL_NAME, "arguments": arguments}
        return {"id": f"call_{uuid.uuid4().hex[:24]}", "type": "function", "function": function}

    def _logprobs(self, tokens: Sequence[Any]) -> dict[str, Any] | None:
        return chat_logprobs(tokens, self._codec) if self.request.logprobs else None

    @property
    def _codec(self) -> Codec:
        return self.policy.solver.codec

    def _usage(self, results: list[Solution]) -> dict[str, int]:
        return usage(len(self.states[0].prompt_ids), sum(solution.completion_tokens for solution in results))


def _interpreter(request: ChatRequest) -> Interpreter:
    if request.calls_tools:
        return Interpreter.CLIENT
    return Interpreter.NOBODY if request.writes_json else Interpreter.SERVER


def finish_reason(solution: Solution) -> str:
    """OpenAI's word for what ended a solution."""
    return "tool_calls" if solution.code is not None else "length" if solution.truncated else "stop"


def _end_of_solution(solution: Solution) -> dict[str, Any]:
    """The fields of a choice that are known once its rollout has ended."""
    votes = {"votes": [list(vote) for vote in solution.votes]} if solution.votes else {}
    value = {} if solution.value is None else {"value": solution.value}
    return {
        "finish_reason": finish_reason(solution),
        "automathes": {
            **written_by(solution.policy_versions),
            "answer": solution.answer,
            "executions": [asdict(record) for record in solution.executions],
            **votes,
            **value,
        },
    }
