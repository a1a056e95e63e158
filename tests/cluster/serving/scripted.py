"""The page and its routes as they are, before a policy that says what a test tells it to."""

import asyncio
import json
import socket
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.feedback.routes import feedback_routes
from cluster.serving.api.guard import Guard, access_with
from cluster.serving.api.page.routes import page_routes
from cluster.serving.errors import ApiError
from store.records import CollectedAnswer, Completion
from store.store import Store

HOLD = object()
"""In an answer: wait until the test calls `release`."""

MODELS = ("automathes/arithmetic@v4", "automathes/arithmetic@v3", "automathes/arithmetic")


@dataclass
class Scripted:
    """A server whose answer to a question is a list of texts, HOLD and errors, or an error at once."""

    url: str = ""
    answers: dict[str, list[Any] | ApiError] = field(default_factory=dict)
    models: tuple[str, ...] = MODELS
    requests: list[dict[str, Any]] = field(default_factory=list)
    cancelled: threading.Event = field(default_factory=threading.Event)
    store: Store | None = None
    held: threading.Event = field(default_factory=threading.Event)

    def release(self) -> None:
        """Let answers go on after HOLD."""
        self.held.set()

    async def stream(self, body: dict[str, Any], collector: Collector | None) -> AsyncIterator[str]:
        question = body["messages"][-1]["content"]
        name = f"chatcmpl-{uuid.uuid4().hex}"
        text = ""
        try:
            for step in self.answers[question]:
                if isinstance(step, ApiError):
                    yield f"data: {json.dumps(step.body())}\n\n"
                    return
                if step is HOLD:
                    await asyncio.to_thread(self.held.wait)
                    continue
                text += step
                yield _event(name, {"index": 0, "delta": {"content": step}, "finish_reason": None})
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.set()
            raise
        answer = text.rpartition("\\boxed{")[2].rpartition("}")[0] or None
        if collector is not None and body.get("store", True):
            messages = tuple(body["messages"])
            answers = (CollectedAnswer(text, answer, "stop", 4),)
            collector.offer(Completion(name, str(body.get("model")), messages, {}, time.time(), answers))
        executions = [{"status": "ok"}] * text.count("```output")
        shown = {"policy_version": 4, "answer": answer, "executions": executions}
        yield _event(name, {"index": 0, "delta": {}, "finish_reason": "stop", "automathes": shown})
        yield f"data: {json.dumps({'id': name, 'choices': [], 'usage': {'completion_tokens': len(text) // 3}})}\n\n"
        yield "data: [DONE]\n\n"


def _event(name: str, choice: dict[str, Any]) -> str:
    return f"data: {json.dumps({'id': name, 'choices': [choice]})}\n\n"


def _app(scripted: Scripted, token: str | None, collector: Collector | None) -> FastAPI:
    app = FastAPI()
    app.add_middleware(Guard, access=access_with(token), max_body_bytes=2**20)
    app.include_router(page_routes())
    app.include_router(feedback_routes(collector))
    if collector is not None:
        app.router.on_startup.append(collector.start)
        app.router.on_shutdown.append(collector.close)

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"data": [{"id": name, "automathes": {"policy_version": 4}} for name in scripted.models]}

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        body = await request.json()
        scripted.requests.append(body)
        answer = scripted.answers[body["messages"][-1]["content"]]
        if isinstance(answer, ApiError):
            raise answer
        return StreamingResponse(scripted.stream(body, collector), media_type="text/event-stream")

    @app.exception_handler(ApiError)
    async def on_error(_: Request, error: ApiError) -> JSONResponse:
        return JSONResponse(error.body(), error.status)

    return app


@contextmanager
def scripted_server(*, token: str | None = None, collect: Path | None = None) -> Iterator[Scripted]:
    """Serve on a free port; `collect` is the folder of a new store for what is collected."""
    scripted, collector = Scripted(), None
    if collect is not None:
        scripted.store = Store.open(f"sqlite:///{collect}/store.db")
        collector = Collector(lambda: Store.open(f"sqlite:///{collect}/store.db"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scripted.url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server = uvicorn.Server(uvicorn.Config(_app(scripted, token, collector), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield scripted
        finally:
            scripted.release()
            server.should_exit = True
            thread.join(30)
    if scripted.store is not None:
        scripted.store.close()
