"""The token that clients of a server must show: from a file, from the environment, or made on the first start."""

import hashlib
import os
import secrets
import shlex
from dataclasses import dataclass
from pathlib import Path

from cluster.config.listening import is_loopback
from cluster.config.run_config import ConfigError

TOKEN_VARIABLE = "AUTOMATHES_TOKEN"  # noqa: S105 - a name
_MADE = ".api-token"
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class TokenDigest:
    """What a server keeps of a token: enough to recognise it, and nothing that a log could give away."""

    digest: bytes

    @classmethod
    def of(cls, token: str) -> "TokenDigest":
        """The digest of a token."""
        return cls(hashlib.sha256(token.strip().encode("utf-8", "replace")).digest())

    def matches(self, shown: str) -> bool:
        """Whether a client showed the token, compared in constant time."""
        return secrets.compare_digest(TokenDigest.of(shown).digest, self.digest)


def shown_token(authorization: str | None) -> str | None:
    """The token in an `Authorization` header, None if it has none."""
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "bearer" else None


def find_token(runs: Path, file: Path | None) -> tuple[str, str]:
    """The token, and how a shell names it: from `file`, the environment, or a file in `runs`, made if need be.

    Raises:
        ConfigError: the file cannot be read, others may read it, or the token is too short to be safe.
    """
    given = given_token(file)
    if given is not None:
        return given, shell_name(file)
    made = runs / _MADE
    if not made.exists():
        _make(made)
    return _checked(_read(made), str(made)), shell_name(made)


def given_token(file: Path | None) -> str | None:
    """The token in `file`, or else in the environment; None if neither is given.

    Raises:
        ConfigError: the file cannot be read, others may read it, or the token is too short to be safe.
    """
    if file is not None:
        return _checked(_read(file), str(file))
    token = os.environ.get(TOKEN_VARIABLE)
    return None if token is None else _checked(token, TOKEN_VARIABLE)


def required_token(host: str, file: Path | None) -> str | None:
    """The token of a server that listens on `host`; None if none is given, which only a loopback address allows.

    Raises:
        ConfigError: there is no token and other machines could connect, or the one that is given is not safe.
    """
    token = given_token(file)
    if token is None and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: others than this machine must show a token: name a file with one (--token-file), or set"
            f" {TOKEN_VARIABLE}; `openssl rand -hex 24` makes one"
        )
    return token


def shell_name(file: Path | None) -> str:
    """How a shell names the token in a file, or in the environment."""
    return f"${TOKEN_VARIABLE}" if file is None else f"$(cat {shlex.quote(str(file))})"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")


def _read(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: other users may read this token: `chmod 600 {path}`")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the token cannot be read: {error}") from None


def _checked(text: str, source: str) -> str:
    token = text.strip()
    if len(token) < _SHORTEST or not token.isascii():
        raise ConfigError(
            f"{source}: a token has at least {_SHORTEST} ASCII characters; `openssl rand -hex 24` makes one"
        )
    return token
