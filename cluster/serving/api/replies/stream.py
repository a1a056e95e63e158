"""Replies in OpenAI's two forms: one JSON object, or server-sent events while the texts are sampled."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Protocol

from cluster.serving.errors import ApiError
from cluster.serving.solving.text_request import Piece


class Reply[Result](Protocol):
    """What is sent for a request: results that are made concurrently, and the objects that show them."""

    async def make(self, on_event: Callable[[int, Piece | Result], None]) -> list[Result]:
        """Make all results. `on_event` is called with the index of each and a piece of its text, or its end.

        Raises:
            ApiError: one failed; the others are cancelled.
        """
        ...

    def body(self, results: list[Result]) -> dict[str, Any]:
        """The whole reply."""
        ...

    def opening(self) -> Iterable[dict[str, Any]]:
        """The first chunks of a stream."""
        ...

    def piece(self, index: int, piece: Piece) -> dict[str, Any]:
        """The chunk for a piece of text."""
        ...

    def end(self, index: int, result: Result) -> dict[str, Any]:
        """The chunk for the end of a result."""
        ...

    def last(self, results: list[Result]) -> dict[str, Any] | None:
        """The chunk after all results."""
        ...


async def make_within[Result](
    reply: Reply[Result], limit_s: float, on_event: Callable[[int, Piece | Result], None]
) -> list[Result]:
    """Make all results of a reply.

    Raises:
        ApiError: one failed, or the limit has passed.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await reply.make(on_event)
    except TimeoutError:
        message = f"the request took longer than {limit_s:g} s (serving.request_s)"
        raise ApiError(504, message, code="timeout") from None


async def stream[Result](
    reply: Reply[Result], limit_s: float, watch: Callable[[int, Piece | Result], None]
) -> AsyncIterator[str]:
    """Server-sent events. The results are cancelled if this is closed early, as happens when a client disconnects.

    `watch` is called with each event.
    """
    events: asyncio.Queue[tuple[int, Piece | Result] | None] = asyncio.Queue()

    def on_event(index: int, event: Piece | Result) -> None:
        watch(index, event)
        events.put_nowait((index, event))

    making = asyncio.create_task(make_within(reply, limit_s, on_event))
    making.add_done_callback(lambda _: events.put_nowait(None))
    try:
        for chunk in reply.opening():
            yield _sse(chunk)
        while (item := await events.get()) is not None:
            index, event = item
            yield _sse(reply.piece(index, event) if isinstance(event, Piece) else reply.end(index, event))
        yield _end(reply, making)
    finally:
        making.cancel()


def _end[Result](reply: Reply[Result], making: "asyncio.Task[list[Result]]") -> str:
    try:
        last = reply.last(making.result())
    except ApiError as error:
        return _sse(error.body())
    return f"{'' if last is None else _sse(last)}data: [DONE]\n\n"


def _sse(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
