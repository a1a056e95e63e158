"""The token that clients of the API must show: from a file, from the environment, or made on the first start."""

import os
import secrets
import shlex
from pathlib import Path

from cluster.config.run_config import ConfigError

TOKEN_VARIABLE = "AUTOMATHES_TOKEN"  # noqa: S105 - a name
_MADE = ".api-token"
_SHORTEST = 16


def find_token(runs: Path, file: Path | None) -> tuple[str, str]:
    """The token, and how a shell names it: from `file`, the environment, or a file in `runs`, made if need be.

    Raises:
        ConfigError: the file cannot be read, others may read it, or the token is too short to be safe.
    """
    if file is not None:
        return _checked(_read(file), str(file)), f"$(cat {shlex.quote(str(file))})"
    if TOKEN_VARIABLE in os.environ:
        return _checked(os.environ[TOKEN_VARIABLE], TOKEN_VARIABLE), f"${TOKEN_VARIABLE}"
    made = runs / _MADE
    if not made.exists():
        _make(made)
    return _checked(_read(made), str(made)), f"$(cat {shlex.quote(str(made))})"


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
