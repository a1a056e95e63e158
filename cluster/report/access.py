"""Who may read the pages: readers with the token of the server, in a header or, after signing in, in a cookie."""

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable

from cluster.config.token import TokenDigest, shown_token

COOKIE = "automathes_session"
SESSION_S = 12 * 3600


class Access:
    """Checks a token without keeping it, and the sessions of browsers that showed it. Without a token, all may read.

    A session is its end and a signature over it, so none is stored, and a restart with the same token ends none.
    """

    def __init__(self, token: str | None, clock: Callable[[], float] = time.time) -> None:
        self._token = None if token is None else TokenDigest.of(token)
        self._key = None if token is None else hashlib.sha256(b"session of a report:" + token.encode()).digest()
        self._clock = clock

    @property
    def needs_token(self) -> bool:
        """Whether a reader must show the token."""
        return self._token is not None

    def is_token(self, shown: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return self._token is not None and self._token.matches(shown)

    def allows(self, authorization: str | None, session: str | None) -> bool:
        """Whether a request with this `Authorization` header and this cookie may read."""
        if not self.needs_token:
            return True
        shown = shown_token(authorization)
        return (shown is not None and self.is_token(shown)) or self._is_session(session or "")

    def new_session(self) -> str:
        """The value of the cookie for a reader who has just shown the token."""
        return self._signed(int(self._clock()) + SESSION_S)

    def _is_session(self, value: str) -> bool:
        end, _, _ = value.partition(".")
        if not (end.isascii() and end.isdigit() and len(end) < 20) or int(end) < self._clock():
            return False
        return hmac.compare_digest(value.encode(), self._signed(int(end)).encode())

    def _signed(self, end: int) -> str:
        assert self._key is not None
        return f"{end}.{hmac.new(self._key, str(end).encode(), hashlib.sha256).hexdigest()}"


def is_local_name(host_header: str, listening_on: str) -> bool:
    """Whether a `Host` header names this machine, for a server on a loopback address that asks for no token.

    The name of another site that resolves to this machine could otherwise let that site's pages read these.
    """
    name = host_header.rsplit(":", 1)[0] if not host_header.endswith("]") else host_header
    name = name.strip("[]").lower()
    if name in ("localhost", listening_on.lower()) or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
