"""The routes of the page. It is the same for everyone and has no secrets: what it shows comes from the API."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

_STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",  # a cached copy is used after it was compared by its ETag
}


def _path_of(file: Path) -> str:
    return "/" if file.name == "index.html" else f"/page/{file.name}"


_FILES = {_path_of(file): file for file in sorted(_STATIC.iterdir()) if file.suffix in _MEDIA_TYPES}

PAGE_PATHS = frozenset(_FILES)
"""The paths of the page, which need no token."""


def page_routes() -> APIRouter:
    """Routes that serve the page's files, with a policy that lets it load and ask nothing but this server."""
    router = APIRouter()
    for path, file in _FILES.items():
        router.add_api_route(path, _endpoint(file), methods=["GET", "HEAD"])
    return router


def _endpoint(file: Path) -> Callable[[Request], Awaitable[Response]]:
    content = file.read_bytes()
    headers = {**_HEADERS, "ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}

    async def endpoint(request: Request) -> Response:
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(content, headers=headers, media_type=_MEDIA_TYPES[file.suffix])

    return endpoint
