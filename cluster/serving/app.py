"""OpenAI's API, as far as it goes here: the models, chat completions, and whether all is well."""

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

from actors.rollout import RolloutState
from cluster.serving.chat import ChatRequest
from cluster.serving.errors import ApiError, as_api_error
from cluster.serving.promoted import PromotedPolicy, model_name
from cluster.serving.solver import Solution
from store.records import Sampling


def make_app(policy: PromotedPolicy) -> FastAPI:
    """The application that speaks for a policy."""
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
        completion = _begin(request, policy)
        if request.stream:
            return StreamingResponse(_stream(completion), media_type="text/event-stream")
        solutions = await policy.solver.solve_all(completion.states, completion.sampling, lambda index, piece: None)
        return JSONResponse(completion.whole(solutions))

    @app.exception_handler(ApiError)
    async def refuse(_: Request, error: ApiError) -> Response:
        return _refusal(error)

    @app.exception_handler(RequestValidationError)
    async def refuse_invalid(_: Request, error: RequestValidationError) -> Response:
        return _refusal(as_api_error(error.errors()))

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        return _refusal(ApiError(error.status_code, f"{request.method} {request.url.path}: {error.detail}"))

    return app


def _names(policy: PromotedPolicy) -> tuple[str, str]:
    """The id of the version that is served, and the id that follows promotions."""
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
        raise ApiError(404, f"model {name!r} is not served here: {served} are", "model", "model_not_found")


@dataclass(frozen=True)
class _Completion:
    """A request on its way: its rollouts, and how what comes of them is written."""

    request: ChatRequest
    policy: PromotedPolicy
    model: str
    states: list[RolloutState]
    sampling: Sampling
    id: str
    created: int

    def whole(self, solutions: list[Solution]) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": solution.content, "refusal": None},
                "logprobs": None,
                **_ending(solution),
            }
            for index, solution in enumerate(solutions)
        ]
        return {**self._head("chat.completion"), "choices": choices, "usage": self.usage(solutions)}

    def chunk(self, index: int, delta: dict[str, Any], ending: dict[str, Any] | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, **(ending or {"finish_reason": None})}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def usage_chunk(self, solutions: list[Solution]) -> dict[str, Any]:
        return {**self._head("chat.completion.chunk"), "choices": [], "usage": self.usage(solutions)}

    def usage(self, solutions: list[Solution]) -> dict[str, int]:
        prompt = len(self.states[0].prompt_ids)
        completion = sum(solution.completion_tokens for solution in solutions)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def _begin(request: ChatRequest, policy: PromotedPolicy) -> _Completion:
    _require_served(request.model, policy)
    return _Completion(
        request=request,
        policy=policy,
        model=model_name(policy.folder, policy.version),
        states=[policy.solver.begin(request.question, request.limit) for _ in range(request.n)],
        sampling=_sampling(request, policy),
        id=f"chatcmpl-{uuid.uuid4().hex}",
        created=int(time.time()),
    )


def _sampling(request: ChatRequest, policy: PromotedPolicy) -> Sampling:
    """As asked; else one solution is greedy, as policies are measured, and several are sampled as in training."""
    trained = policy.config.iteration
    temperature = 0.0 if request.n == 1 else trained.temperature
    return Sampling(
        temperature=temperature if request.temperature is None else request.temperature,
        top_p=trained.top_p if request.top_p is None else request.top_p,
    )


def _ending(solution: Solution) -> dict[str, Any]:
    return {
        "finish_reason": "length" if solution.truncated else "stop",
        "automathes": {
            "policy_version": solution.policy_version,
            "answer": solution.answer,
            "executions": [asdict(record) for record in solution.executions],
        },
    }


async def _stream(completion: _Completion) -> AsyncIterator[str]:
    """Server-sent events. Whoever closes this, as a client that goes away does, ends the rollouts."""
    heard: asyncio.Queue[tuple[int, str | Solution] | None] = asyncio.Queue()
    solver = completion.policy.solver
    rollouts = asyncio.create_task(
        solver.solve_all(completion.states, completion.sampling, lambda index, piece: heard.put_nowait((index, piece)))
    )
    rollouts.add_done_callback(lambda _: heard.put_nowait(None))
    try:
        for index in range(len(completion.states)):
            yield _event(completion.chunk(index, {"role": "assistant", "content": ""}))
        while (news := await heard.get()) is not None:
            index, piece = news
            if isinstance(piece, Solution):
                yield _event(completion.chunk(index, {}, _ending(piece)))
            else:
                yield _event(completion.chunk(index, {"content": piece}))
        yield _last_events(completion, rollouts)
    finally:
        rollouts.cancel()


def _last_events(completion: _Completion, rollouts: "asyncio.Task[list[Solution]]") -> str:
    try:
        solutions = rollouts.result()
    except ApiError as error:
        return _event(error.body())
    options = completion.request.stream_options
    usage = _event(completion.usage_chunk(solutions)) if options is not None and options.include_usage else ""
    return f"{usage}data: [DONE]\n\n"


def _refusal(error: ApiError) -> Response:
    """In ASCII, since it may name what no encoding can write."""
    return Response(json.dumps(error.body()), error.status, media_type="application/json")


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
