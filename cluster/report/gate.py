"""What every request passes: the check of access, and the headers by which a browser confines what it shows."""

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cluster.report.access import COOKIE, Access, is_local_name
from eval.browser.document import SCRIPT_URL, STYLE_URL, sign_in_page

_OPEN_TO_ALL = (STYLE_URL, SCRIPT_URL, "/sign-in", "/health")
CONFINING_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""The headers of all responses: a page loads and asks nothing but its own server, and runs no script within itself."""


class ConfiningGate:
    """Passes requests on unless a subclass refuses them, and adds the headers to all responses."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return

        async def confined(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in CONFINING_HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._application)(scope, receive, confined)

    def _refusal(self, scope: Scope) -> Response | None:
        """The response to a request that is not passed on."""
        raise NotImplementedError


class Gate(ConfiningGate):
    """Lets requests with access pass."""

    def __init__(self, application: ASGIApp, access: Access, listening_on: str) -> None:
        super().__init__(application)
        self._access = access
        self._listening_on = listening_on

    def _refusal(self, scope: Scope) -> Response | None:
        headers, request = Headers(scope=scope), Request(scope)
        if not self._access.needs_token and not is_local_name(headers.get("host", ""), self._listening_on):
            return PlainTextResponse("open this page by the address that `automathes report --serve` printed\n", 421)
        if scope["path"] in _OPEN_TO_ALL:
            return None
        if self._access.allows(headers.get("authorization"), request.cookies.get(COOKIE)):
            return None
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return HTMLResponse(sign_in_page(wanted, None), 401, {"WWW-Authenticate": "Bearer"})
