"""Measures each request: its route, its status and its seconds."""

import time
from collections.abc import MutableMapping
from typing import Any

from cluster.serving.api.guard import Application, Receive, Scope, Send
from cluster.serving.metrics.serving_metrics import ServingMetrics

_ROUTES = ("/v1/chat/completions", "/v1/completions", "/v1/models", "/v1/feedback", "/health", "/ready", "/metrics")


class Measured:
    """Middleware that tells the metrics of each request once its response has ended."""

    def __init__(self, application: Application, metrics: ServingMetrics) -> None:
        self._application = application
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        started_s, status = time.monotonic(), 499  # without a response the client has hung up

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, watched)
        finally:
            route = next((known for known in _ROUTES if scope["path"].startswith(known)), "other")
            self._metrics.observe_request(route, status, time.monotonic() - started_s)
