"""Replies as HTTP responses."""

import time
from typing import Any

from fastapi.responses import JSONResponse, Response, StreamingResponse

from cluster.serving.api.replies.stream import Reply, make_within, stream
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.solving.text_request import Piece


async def send(reply: Reply[Any], metrics: ServingMetrics, limit_s: float, *, streamed: bool) -> Response:
    """The response with a reply, whole or as a stream.

    Raises:
        ApiError: it could not be made within the limit. A stream ends with the error instead.
    """
    on_event = _measured(metrics)
    if streamed:
        return StreamingResponse(stream(reply, limit_s, on_event), media_type="text/event-stream")
    return JSONResponse(reply.body(await make_within(reply, limit_s, on_event)))


def _measured(metrics: ServingMetrics) -> Any:
    """Observes the events of one reply."""
    started_s, first = time.monotonic(), True

    def on_event(_: int, event: Any) -> None:
        nonlocal first
        if not isinstance(event, Piece):
            metrics.count_tokens(event.sampled_tokens)
        elif first:
            first = False
            metrics.observe_first_token(time.monotonic() - started_s)

    return on_event
