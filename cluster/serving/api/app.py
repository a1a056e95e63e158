"""The HTTP application: OpenAI's API, feedback, the page, and health, readiness and metrics."""

import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from cluster.serving.api.feedback.collecting import collected
from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.feedback.routes import feedback_routes
from cluster.serving.api.guard import Access, Guard
from cluster.serving.api.measured import Measured
from cluster.serving.api.page.routes import page_routes
from cluster.serving.api.replies.chat_reply import ChatReply
from cluster.serving.api.replies.completion_reply import CompletionReply
from cluster.serving.api.replies.sending import send
from cluster.serving.api.requests.chat import ChatRequest
from cluster.serving.api.requests.completions import CompletionRequest
from cluster.serving.errors import ApiError, as_api_error
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.policies.run_policies import model_name
from cluster.serving.policies.served import ServedPolicies


def make_app(
    policies: ServedPolicies, access: Access, metrics: ServingMetrics, collector: Collector | None = None
) -> FastAPI:
    """The application that serves policies to those who have access, and collects completions with a collector."""
    settings = policies.config.serving
    app = FastAPI(title="Automathes", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, access=access, max_body_bytes=round(settings.max_body_mib * 2**20))
    app.add_middleware(Measured, metrics=metrics)
    _add_state(app, policies, metrics)
    _add_models(app, policies)
    _add_errors(app)
    app.include_router(page_routes())
    app.include_router(feedback_routes(collector))

    @app.post("/v1/chat/completions")
    async def chat(request: ChatRequest, http: Request) -> Response:
        reply = _reply(request, http, ChatReply)
        if collector is not None and request.store:
            reply = collected(reply, collector)
        return await send(reply, metrics, settings.request_s, streamed=request.stream)

    @app.post("/v1/completions")
    async def complete(request: CompletionRequest, http: Request) -> Response:
        reply = _reply(request, http, CompletionReply)
        return await send(reply, metrics, settings.request_s, streamed=request.stream)

    def _reply[R: (ChatReply, CompletionReply)](request: Any, http: Request, kind: type[R]) -> R:
        policies.require_ready()
        policy = policies.find(request.model)
        reply = kind.to(request, policy, model_name(policies.source.name, policy.version), _caller(http, request.user))
        policies.slots.require_room(len(reply.texts))
        return reply

    return app


def _add_state(app: FastAPI, policies: ServedPolicies, metrics: ServingMetrics) -> None:
    @app.get("/health")
    async def health() -> dict[str, Any]:
        await policies.check_health()
        return {
            "status": "ok" if policies.is_ready else "starting",
            "policy_version": policies.main.version,
            "in_flight": policies.slots.in_flight,
            "waiting": policies.slots.waiting,
        }

    @app.get("/ready")
    async def ready() -> dict[str, Any]:
        policies.require_ready()
        return {"status": "ready", "policy_version": policies.main.version}

    @app.get("/metrics")
    async def prometheus() -> Response:
        body, content_type = metrics.exposition()
        return Response(body, media_type=content_type)


def _add_models(app: FastAPI, policies: ServedPolicies) -> None:
    started = int(time.time())

    def described(name: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "model",
            "created": started,
            "owned_by": "automathes",
            "automathes": {"policy_version": policies.find(name).version},
        }

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        policies.require_ready()
        return {"object": "list", "data": [described(name) for name in policies.names()]}

    @app.get("/v1/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        policies.require_ready()
        return described(name)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def on_api_error(_: Request, error: ApiError) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def on_invalid_request(_: Request, error: RequestValidationError) -> Response:
        return as_api_error(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        return ApiError(error.status_code, f"{request.method} {request.url.path}: {error.detail}").response()


def _caller(http: Request, user: str) -> str:
    """The client, as far as it is known: its address, and the user that it names."""
    return f"{http.client.host if http.client else ''}/{user}"
