"""What a request must show before it is read: a token, where one is asked for, and a body of a bearable size."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from cluster.config.token import TokenDigest, shown_token
from cluster.serving.api.page.routes import PAGE_PATHS
from cluster.serving.errors import ApiError

type Scope = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_OPEN_TO_ALL = frozenset({"/health", "/ready", *PAGE_PATHS})


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask: those who show the token; None: all who reach the server."""

    token: TokenDigest | None = None

    def require(self, authorization: str | None) -> None:
        """Check an Authorization header.

        Raises:
            ApiError: it does not have the token.
        """
        if self.token is None:
            return
        shown = shown_token(authorization)
        if shown is None:
            message = "this server needs a token: send the header `Authorization: Bearer TOKEN`"
            raise ApiError(401, message, code="invalid_api_key")
        if not self.token.matches(shown):
            raise ApiError(401, "the token is wrong", code="invalid_api_key")


def access_with(token: str | None) -> Access:
    """The access of those who know a token; without one, of all."""
    return Access(None if token is None else TokenDigest.of(token))


class Guard:
    """Refuses requests without the token, and bodies that are too large, before the application reads them."""

    def __init__(self, application: Application, access: Access, max_body_bytes: int) -> None:
        self._application = application
        self._access = access
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by an error, or pass it on."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            if scope["path"] not in _OPEN_TO_ALL:
                self._access.require(headers.get(b"authorization"))
            length = headers.get(b"content-length", "0")
            self._require_bearable(int(length) if length.isdecimal() else 0)
        except ApiError as error:
            await _refusal(error)(scope, receive, send)
            return
        await self._application(scope, self._counted(receive), send)

    def _require_bearable(self, body_bytes: int) -> None:
        if body_bytes > self._max_body_bytes:
            raise ApiError(413, f"the body has more than {self._max_body_bytes} bytes", code="request_too_large")

    def _counted(self, receive: Receive) -> Receive:
        """The messages of a body whose length is not said in advance, as far as they are bearable."""
        received = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            try:
                self._require_bearable(received)
            except ApiError as error:
                raise HTTPException(error.status, error.message) from None  # passes through the reading of a body
            return message

        return counted


def _refusal(error: ApiError) -> Response:
    """The body may not have been read: so the connection is closed."""
    challenge = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    return error.response({"Connection": "close", **challenge})
