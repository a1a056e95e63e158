"""Database URLs: parsing, validation, and masking of secrets."""

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from store.errors import StoreUrlError

_FORMS = "sqlite:///folder/store.db or postgresql://user@host/database"


def parse_url(url: str) -> URL:
    """Parse a URL, choose its driver and make a SQLite path absolute, since workers start in other folders.

    Raises:
        StoreUrlError: it is not a URL of SQLite or PostgreSQL, or has no file name.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUrlError(f"{url!r} is not a database URL: use {_FORMS}") from None
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
                raise StoreUrlError(
                    f"{masked(parsed)}: the driver {parsed.drivername!r} is not supported: use {_FORMS}"
                )
            if not parsed.database or parsed.database == ":memory:":
                raise StoreUrlError(f"{masked(parsed)}: processes cannot share a store in memory: use {_FORMS}")
            if parsed.database.startswith("file:"):
                raise StoreUrlError(f"{masked(parsed)}: SQLite's file: form is not supported: use {_FORMS}")
            return parsed.set(database=str(Path(parsed.database).expanduser().absolute()))
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise StoreUrlError(f"{masked(parsed)}: {other!r} is not supported: use {_FORMS}")


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None if the URL is a server's. Raises `StoreUrlError`."""
    parsed = parse_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def masked(url: URL) -> str:
    """The URL with the password and secret query parameters masked."""
    hidden = url.update_query_dict(dict.fromkeys(secret_keys(url), "***")).set(drivername=url.get_backend_name())
    return hidden.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def holds_secret(url: str) -> bool:
    """Whether a URL has a password or a secret query parameter. Raises `StoreUrlError`."""
    parsed = parse_url(url)
    return parsed.password is not None or bool(secret_keys(parsed))


def secret_keys(url: URL) -> list[str]:
    """The names of query parameters that contain a secret."""
    return [key for key in url.query if "password" in key.lower() or "secret" in key.lower()]
