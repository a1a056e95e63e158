"""Serving the application with uvicorn until SIGINT or SIGTERM."""

import socket
from collections.abc import Callable
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from cluster.console.interrupt import signals_raise_keyboard_interrupt

_LAST_REQUESTS_S = 2


def serve(app: ASGIApp, host: str, port: int, on_ready: Callable[[], None]) -> None:
    """Serve until a signal. `on_ready` is called once connections are accepted."""
    config = uvicorn.Config(
        app, host, port, log_level="warning", access_log=False, timeout_graceful_shutdown=_LAST_REQUESTS_S
    )
    # uvicorn raises the signal again at its end.
    with suppress(KeyboardInterrupt), signals_raise_keyboard_interrupt():
        _Server(config, on_ready).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()
