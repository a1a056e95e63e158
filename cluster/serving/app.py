"""The HTTP application: OpenAI's models and chat completions, and a health check."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from actors.rollouts.rollout import RolloutState
from cluster.serving.chat import ChatRequest
from cluster.serving.errors import ApiError, as_api_error
from cluster.serving.promoted import PromotedPolicy, model_name
from cluster.serving.solver import Solution
from store.records import Sampling


def make_app(policy: PromotedPolicy) -> FastAPI:
    """The application that serves a policy."""
    app = FastAPI(title="Automathes", docs_url=None, redoc_url=None)
    started = int(time.time())

    @app.get("/health")
    async def health() -> dict[str, Any]:
        await policy.check_health()
        return {"status": "ok", "policy_version": policy.version, "in_flight": policy.solver.in_flight}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [_model(name, policy, started) for name in _names(policy)]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        _require_served(name, policy)
        return _model(name, policy, started)

    @app.post("/v1/chat/completions")
    async def complete(request: ChatRequest) -> Response:
        completion = _new_completion(request, policy)
        if request.stream:
            return StreamingResponse(_stream(completion), media_type="text/event-stream")
        solutions = await policy.solver.solve_all(completion.states, completion.sampling, lambda index, event: None)
        return JSONResponse(completion.response(solutions))

    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, error: ApiError) -> Response:
        return _error_response(error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(_: Request, error: RequestValidationError) -> Response:
        return _error_response(as_api_error(error.errors()))

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return _error_response(ApiError(error.status_code, f"{request.method} {request.url.path}: {error.detail}"))

    return app


def _names(policy: PromotedPolicy) -> tuple[str, str]:
    """The id of the loaded version, and the id that follows promotions."""
    return model_name(policy.folder, policy.version), model_name(policy.folder)


def _model(name: str, policy: PromotedPolicy, created: int) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": "automathes",
        "automathes": {"policy_version": policy.version},
    }


def _require_served(name: str, policy: PromotedPolicy) -> None:
    if name not in _names(policy):
        served = " and ".join(repr(known) for known in _names(policy))
        raise ApiError(404, f"model {name!r} is not served, only {served}", "model", "model_not_found")


@dataclass(frozen=True)
class _Completion:
    """A request under way: its rollouts, and the bodies of its response."""

    request: ChatRequest
    policy: PromotedPolicy
    model: str
    states: list[RolloutState]
    sampling: Sampling
    id: str
    created: int

    def response(self, solutions: list[Solution]) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": solution.content, "refusal": None},
                "logprobs": None,
                **_final_fields(solution),
            }
            for index, solution in enumerate(solutions)
        ]
        return {**self._common_fields("chat.completion"), "choices": choices, "usage": self.usage(solutions)}

    def chunk(self, index: int, delta: dict[str, Any], final_fields: dict[str, Any] | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, **(final_fields or {"finish_reason": None})}
        return {**self._common_fields("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self, solutions: list[Solution]) -> dict[str, Any]:
        return {**self._common_fields("chat.completion.chunk"), "choices": [], "usage": self.usage(solutions)}

    def usage(self, solutions: list[Solution]) -> dict[str, int]:
        prompt = len(self.states[0].prompt_ids)
        completion = sum(solution.completion_tokens for solution in solutions)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _common_fields(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _new_completion(request: ChatRequest, policy: PromotedPolicy) -> _Completion:
    _require_served(request.model, policy)
    return _Completion(
        request=request,
        policy=policy,
        model=model_name(policy.folder, policy.version),
        states=[policy.solver.new_rollout(request.question, request.limit) for _ in range(request.n)],
        sampling=_sampling(request, policy),
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
    )


def _sampling(request: ChatRequest, policy: PromotedPolicy) -> Sampling:
    """The request's sampling. By default one solution is greedy, as in evaluation, and several are sampled as in
    training.
    """
    training = policy.config.iteration
    temperature = 0.0 if request.n == 1 else training.temperature
    return Sampling(
        temperature=temperature if request.temperature is None else request.temperature,
        top_p=training.top_p if request.top_p is None else request.top_p,
    )


def _final_fields(solution: Solution) -> dict[str, Any]:
    """The fields of a choice that are known once its rollout has ended."""
    return {
        "finish_reason": "length" if solution.truncated else "stop",
        "automathes": {
            "policy_version": solution.policy_version,
            "answer": solution.answer,
            "executions": [asdict(record) for record in solution.executions],
        },
    }


async def _stream(completion: _Completion) -> AsyncIterator[str]:
    """Server-sent events. The rollouts are cancelled if this is closed early, as happens when a client disconnects."""
    events: asyncio.Queue[tuple[int, str | Solution] | None] = asyncio.Queue()
    solver = completion.policy.solver
    rollouts = asyncio.create_task(
        solver.solve_all(completion.states, completion.sampling, lambda index, event: events.put_nowait((index, event)))
    )
    rollouts.add_done_callback(lambda _: events.put_nowait(None))
    try:
        for index in range(len(completion.states)):
            yield _sse(completion.chunk(index, {"role": "assistant", "content": ""}))
        while (item := await events.get()) is not None:
            index, event = item
            if isinstance(event, Solution):
                yield _sse(completion.chunk(index, {}, _final_fields(event)))
            else:
                yield _sse(completion.chunk(index, {"content": event}))
        yield _last_events(completion, rollouts)
    finally:
        rollouts.cancel()


def _last_events(completion: _Completion, rollouts: "asyncio.Task[list[Solution]]") -> str:
    try:
        solutions = rollouts.result()
    except ApiError as error:
        return _sse(error.body())
    options = completion.request.stream_options
    usage = _sse(completion.usage_chunk(solutions)) if options is not None and options.include_usage else ""
    return f"{usage}data: [DONE]\n\n"


def _error_response(error: ApiError) -> Response:
    """The error as JSON in ASCII: its message may contain characters that cannot be encoded."""
    return Response(json.dumps(error.body()), error.status, media_type="application/json")


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
