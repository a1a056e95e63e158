"""What every request passes: whose it is, that it comes from these pages, and the headers that confine these."""

from urllib.parse import urlencode, urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Scope

from cluster.report.access import is_local_name
from cluster.report.gate import ConfiningGate
from cluster.review.identity import COOKIE, Identities

REVIEWER = "automathes_reviewer"
"""The key of the scope under which the name of the reviewer is."""

_OPEN_TO_ALL = ("/sign-in", "/health")
_SAFE = ("GET", "HEAD", "OPTIONS")


class Gate(ConfiningGate):
    """Lets requests of reviewers pass."""

    def __init__(self, application: ASGIApp, identities: Identities, listening_on: str) -> None:
        super().__init__(application)
        self._identities = identities
        self._listening_on = listening_on

    def _refusal(self, scope: Scope) -> Response | None:
        headers, request = Headers(scope=scope), Request(scope)
        is_guarded = self._identities.admission.needs_token
        if not is_guarded and not is_local_name(headers.get("host", ""), self._listening_on):
            return PlainTextResponse("open this page by the address that `automathes review --serve` printed\n", 421)
        if request.method not in _SAFE and not _is_from_own_page(headers):
            return PlainTextResponse("this request comes from another site\n", 403)
        scope[REVIEWER] = self._identities.reviewer(request.cookies.get(COOKIE))
        if scope[REVIEWER] is not None or scope["path"] in _OPEN_TO_ALL or scope["path"].startswith("/assets/"):
            return None
        return _to_sign_in(request)


def _to_sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    url = f"/sign-in?{urlencode({'next': wanted if request.method in _SAFE else '/'})}"
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": url})
    return RedirectResponse(url, 303)


def _is_from_own_page(headers: Headers) -> bool:
    """Whether a request that changes something was sent by one of these pages, or by a program that is no browser."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")
