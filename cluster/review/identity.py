"""Who reviews: a name that a browser gave once, with the token that it showed, if the server asks for one."""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.config.token import TokenDigest
from cluster.report.access import SESSION_S

COOKIE = "automathes_reviewer"
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Admission:
    """What the server asks for.

    `token`: shown by everyone, beside a name of their own. `reviewers`: the digest of each one's own token, by name.
    `default_name`: the name of all who have not signed in, on this machine alone. With none of the three, on this
    machine alone too, a name is enough.
    """

    token: str | None = None
    reviewers: Mapping[str, TokenDigest] | None = None
    default_name: str | None = None

    @property
    def needs_token(self) -> bool:
        """Whether a reviewer must show a token."""
        return self.token is not None or self.reviewers is not None


class Identities:
    """Names of reviewers, and the sessions of their browsers: each is its end, the name, and a signature over both."""

    def __init__(self, admission: Admission, clock: Callable[[], float] = time.time) -> None:
        self.admission = admission
        self._token = None if admission.token is None else TokenDigest.of(admission.token)
        self._key = _key(admission)
        self._clock = clock

    def admitted(self, name: str, token: str) -> str | None:
        """The name of a reviewer who signs in; None if the token is wrong, or if there is no usable name."""
        if self.admission.reviewers is not None:
            return next((own for own, digest in self.admission.reviewers.items() if digest.matches(token)), None)
        if self._token is not None and not self._token.matches(token):
            return None
        return clean_name(name)

    def reviewer(self, session: str | None) -> str | None:
        """The reviewer of a request with this cookie; None if they must sign in."""
        return self._name_in(session or "") or self.admission.default_name

    def new_session(self, name: str) -> str:
        """The value of the cookie for a reviewer who has just signed in."""
        written = base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")
        return self._signed(f"{int(self._clock()) + SESSION_S}.{written}")

    def _name_in(self, session: str) -> str | None:
        content, _, _ = session.rpartition(".")
        end, _, written = content.partition(".")
        if not hmac.compare_digest(session.encode(), self._signed(content).encode()):
            return None
        if int(end) < self._clock():
            return None
        name = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()
        is_gone = self.admission.reviewers is not None and name not in self.admission.reviewers
        return None if is_gone else name

    def _signed(self, content: str) -> str:
        return f"{content}.{hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()}"


def clean_name(name: str) -> str | None:
    """The name with single spaces; None if it is empty, too long, or not printable."""
    name = " ".join(name.split())
    return name if 0 < len(name) <= _LONGEST_NAME and name.isprintable() else None


def read_reviewers(file: Path) -> dict[str, TokenDigest]:
    """The reviewers in a file: a line has a name, and the SHA-256 of a token in hexadecimal digits.

    Raises:
        ConfigError: the file cannot be read, or a line is none; the message names it.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: the reviewers cannot be read: {error}") from None
    found: dict[str, TokenDigest] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        *words, digest = line.split()
        name = clean_name(" ".join(words))
        if name is None or len(digest) != 64 or not set(digest.lower()) <= set("0123456789abcdef"):
            raise ConfigError(
                f"{file}, line {number}: a reviewer is a name and the SHA-256 of a token, 64 hexadecimal digits; "
                "`printf %s TOKEN | sha256sum` makes it"
            )
        if name in found:
            raise ConfigError(f"{file}, line {number}: {name!r} is there twice")
        found[name] = TokenDigest(bytes.fromhex(digest))
    if not found:
        raise ConfigError(f"{file}: there is no reviewer in it: a line has a name and the SHA-256 of a token")
    return found


def _key(admission: Admission) -> bytes:
    """The key of the signatures. It follows from the tokens, so that a restart ends no session where there are some."""
    if admission.reviewers is not None:
        digests = b"".join(digest.digest for _, digest in sorted(admission.reviewers.items()))
        return hashlib.sha256(b"sessions of reviewers:" + digests).digest()
    if admission.token is not None:
        return hashlib.sha256(b"sessions of reviewers:" + admission.token.encode()).digest()
    return secrets.token_bytes(32)
