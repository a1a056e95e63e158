"""How Ray Serve's processes are started, and what its proxy answers before it knows of any replica."""

from collections.abc import MutableMapping
from typing import Any

from starlette.middleware import Middleware

from cluster.serving.errors import ApiError

ENVIRONMENT = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": f"{__name__}.middlewares",
    # A request crosses fewer threads: nothing of ours blocks the event loops. Logs of requests are written in blocks.
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1000",
    "RAY_SERVE_FREEZE_GC_ON_STARTUP": "1",
}
"""What the proxy and the replicas read when they are started."""

_RETRY_AFTER_S = 2

type Message = MutableMapping[str, Any]


def middlewares() -> list[Middleware]:
    """The middleware of the proxy, which Serve asks for in its process."""
    return [Middleware(NotYetRouted)]


class NotYetRouted:
    """Turns the proxy's own 404, which is text, into OpenAI's form of a 503: the application is not deployed yet."""

    def __init__(self, app: Any) -> None:
        self._application = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, and look at the response's start."""
        replaced = False

        async def checked(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and _is_of_proxy(message):
                replaced = True
                error = ApiError(503, "the server is starting: repeat the request", None, "not_ready", _RETRY_AFTER_S)
                await error.response()(scope, receive, send)
            elif not replaced:
                await send(message)

        await self._application(scope, receive, checked)


def _is_of_proxy(message: Message) -> bool:
    """Whether a response is the proxy's own: the application's errors are JSON."""
    if message["status"] != 404:
        return False
    types = [value for name, value in message.get("headers", ()) if name.lower() == b"content-type"]
    return not any(b"json" in value for value in types)
