"""The HTTP application of `automathes review --serve`."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import anyio.to_thread
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.review.applying import RETRIED, Effects
from cluster.review.desk import Desk
from cluster.review.editing import Workshop
from cluster.review.editing_routes import editing_routes
from cluster.review.gate import REVIEWER, Gate
from cluster.review.identity import Admission, Identities
from cluster.review.rendering import assets, render
from cluster.review.routes import item_routes, overview_routes
from cluster.review.services import Services
from cluster.review.signing_in import sign_in_routes
from sandbox.equivalence import AnswerCheckFailed
from sandbox.host import SandboxUnavailable
from store.errors import ReviewAppliedError, ReviewTakenError, StoreError, UnknownRecordError
from store.reviews.settings import ReviewSettings
from store.store import Store

log = logging.getLogger(__name__)

_THREADS = 8
"""Requests that use the store at a time; the others wait. It bounds connections and memory."""
_APPLY_EVERY_S, _FILL_EVERY_S = 5.0, 60.0


@contextmanager
def make_app(
    folder: RunFolder, config: RunConfig, admission: Admission, host: str, settings: ReviewSettings
) -> Iterator[ASGIApp]:
    """The application for one run, with its store open for the time of the context, and its queues filled.

    Args:
        folder: The run.
        config: Its configuration.
        admission: What reviewers must show.
        host: The address that the server listens on.
        settings: What is put into the queues, and how long pages hold their items.

    Raises:
        StoreError: the store cannot be opened.
    """
    with Store.open(folder.store_url(config), create=False, retry_s=0.0) as store:
        store.reviews.fill(settings)
        workshop = Workshop(config)
        services = Services(folder.path.name, store, Desk(store), workshop, settings)
        upkeep = _Upkeep(store, Effects(store, folder, config, workshop), settings)
        identities = Identities(admission)
        yield Gate(_application(services, upkeep, identities), identities, host)


def _application(services: Services, upkeep: "_Upkeep", identities: Identities) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        async with upkeep.running():
            yield
        await services.workshop.close()

    application = FastAPI(lifespan=lifespan, openapi_url=None, redirect_slashes=False)
    for kind, handler in _error_handlers(services.run).items():
        application.add_exception_handler(kind, handler)
    application.include_router(overview_routes(services, identities))
    application.include_router(item_routes(services))
    application.include_router(editing_routes(services))
    application.include_router(sign_in_routes(services.run, identities))
    application.add_api_route("/assets/{name:path}", _asset, methods=["GET"])
    application.add_api_route("/health", _health, methods=["GET"])
    return application


async def _asset(name: str) -> Response:
    if name not in assets():
        raise HTTPException(404)
    content, media_type = assets()[name]
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(content, headers=headers, media_type=media_type)


async def _health() -> Response:
    return PlainTextResponse("ok\n")


class _Upkeep:
    """Fills the queues and applies what is settled, while the application runs."""

    def __init__(self, store: Store, effects: Effects, settings: ReviewSettings) -> None:
        self._store = store
        self._effects = effects
        self._settings = settings

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work in the background for the time of the context. At its end, apply all that is settled.

        Raises:
            Exception: what the work ended with, if it is not an outage that passes.
        """
        task = asyncio.create_task(self._work())
        task.add_done_callback(_stop_the_server_if_it_failed)
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self._try("apply decisions", lambda: self._effects.apply_due(0.0))

    async def _work(self) -> None:
        since_filled_s = 0.0
        while True:
            await self._try("apply decisions", lambda: self._effects.apply_due(self._settings.undo_s))
            await asyncio.sleep(_APPLY_EVERY_S)
            since_filled_s += _APPLY_EVERY_S
            if since_filled_s >= _FILL_EVERY_S:
                await self._try("fill the queues", lambda: asyncio.to_thread(self._store.reviews.fill, self._settings))
                since_filled_s = 0.0

    async def _try(self, what: str, act: Callable[[], Awaitable[object]]) -> None:
        try:
            await act()
        except (StoreError, AnswerCheckFailed, SandboxUnavailable, *RETRIED) as error:
            log.warning("cannot %s, it is tried again: %s", what, error)


def _stop_the_server_if_it_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        signal.raise_signal(signal.SIGTERM)


def _error_handlers(run: str) -> dict[type[Exception], Callable[[Request, Exception], Response]]:
    """Handlers that answer by a page, or by a notice for a request of a script."""

    def handler(status: int, title: str) -> Callable[[Request, Exception], Response]:
        def handle(request: Request, error: Exception) -> Response:
            if "hx-request" in request.headers:
                return HTMLResponse(render("notice.html", message=str(error), is_problem=True), status)
            reviewer = request.scope.get(REVIEWER) or ""
            page = render("message.html", run=run, reviewer=reviewer, title=title, message=str(error))
            return HTMLResponse(page, status)

        return handle

    def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        is_missing = error.status_code == 404
        message = f"There is no page {request.url.path}." if is_missing else error.detail
        return handler(error.status_code, "Not found" if is_missing else "Error")(request, Exception(message))

    return {
        UnknownRecordError: handler(404, "Not found"),
        ReviewTakenError: handler(409, "Not yours to decide"),
        ReviewAppliedError: handler(409, "It cannot be undone"),
        StoreError: handler(503, "The store cannot be used"),
        HTTPException: on_http_error,
    }
