"""The HTTP application of `automathes report --serve`: the report as a live page, and the browser of rollouts."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.report.access import Access
from cluster.report.collecting import collect
from cluster.report.gate import Gate
from cluster.report.live import LivePage
from cluster.report.signing_in import sign_in_routes
from cluster.report.token_texts import TokenTexts
from cluster.report.views import Views
from eval.browser.document import SCRIPT_URL, STYLE_URL, document, message_page, script, style
from eval.browser.listing import listing_content
from eval.browser.problem_page import problem_content
from eval.browser.query import QueryError, parse
from eval.browser.records import Site
from eval.browser.rollout_page import rollout_content
from eval.report import render_content
from store.errors import StoreError, UnknownRecordError
from store.store import Store

_THREADS = 8
"""Requests that read the store at a time; the others wait. It bounds connections and memory."""


@contextmanager
def make_app(folder: RunFolder, config: RunConfig, token: str | None, host: str) -> Iterator[ASGIApp]:
    """The application for one run, with its store open for the time of the context.

    Args:
        folder: The run.
        config: Its configuration.
        token: What readers must show; None lets all who reach the server read, on this machine alone.
        host: The address that the server listens on.

    Raises:
        StoreError: the store cannot be opened.
    """
    with Store.open(folder.store_url(config), create=False, retry_s=0.0) as store:
        access = Access(token)
        site = Site(folder.path.name, is_signed_in=access.needs_token)
        report = LivePage(lambda: render_content(collect(store, folder, config)))
        yield Gate(_application(site, report, Views(store, TokenTexts(store, folder)), access), access, host)


def _application(site: Site, report: LivePage, views: Views, access: Access) -> Starlette:
    def show_report(request: Request) -> Response:
        rendered = report.get()
        headers = {"ETag": rendered.tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == rendered.tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(document(site, "Report", rendered.page, current="/", is_live=True), headers=headers)

    def show_rollouts(request: Request) -> Response:
        content = listing_content(views.listing(parse(request.query_params)))
        return HTMLResponse(document(site, "Rollouts", content, current="/rollouts"))

    def show_rollout(request: Request) -> Response:
        view = views.rollout(request.path_params["id"], parse(request.query_params))
        title = f"Rollout {view.attempts[0].rollout.id}"
        return HTMLResponse(document(site, title, rollout_content(view), current="/rollouts"))

    def show_problem(request: Request) -> Response:
        view = views.problem(request.path_params["id"])
        title = f"Problem {view.problem.id}"
        return HTMLResponse(document(site, title, problem_content(view), current="/rollouts"))

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    routes = [
        Route("/", show_report),
        Route("/rollouts", show_rollouts),
        Route("/rollouts/{id:path}", show_rollout),
        Route("/problems/{id:path}", show_problem),
        Route(STYLE_URL, _asset(style, "text/css")),
        Route(SCRIPT_URL, _asset(script, "text/javascript")),
        Route("/health", health),
        *sign_in_routes(access),
    ]
    return Starlette(routes=routes, lifespan=_limited_threads, exception_handlers=_error_handlers(site))


@asynccontextmanager
async def _limited_threads(_: Starlette) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


def _asset(read: Callable[[], str], media_type: str) -> Callable[[Request], Response]:
    def asset(_: Request) -> Response:
        return Response(read(), headers={"Cache-Control": "public, max-age=31536000, immutable"}, media_type=media_type)

    return asset


def _error_handlers(site: Site) -> dict[type[Exception], Callable[[Request, Exception], Response]]:
    """Handlers that answer by a page. Starlette takes the one of an exception's nearest class."""

    def handler(status: int, title: str, *, is_live: bool = False) -> Callable[[Request, Exception], Response]:
        def handle(_: Request, error: Exception) -> Response:
            return HTMLResponse(message_page(site, title, str(error), is_live=is_live), status)

        return handle

    def on_http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        message = f"there is no page {request.url.path}" if error.status_code == 404 else error.detail
        return HTMLResponse(
            message_page(site, "Not found" if error.status_code == 404 else "Error", message), error.status_code
        )

    return {
        QueryError: handler(400, "This filter cannot be understood"),
        UnknownRecordError: handler(404, "Not found"),
        StoreError: handler(503, "The store cannot be read", is_live=True),
        HTTPException: on_http_error,
    }
