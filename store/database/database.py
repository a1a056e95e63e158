"""An open database, and the base class of the store's parts that share it."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Self

from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from store.database.connection import connect, transaction
from store.database.paths import StoredPaths
from store.database.retry import retry
from store.database.schema import ensure_schema
from store.database.urls import masked, parse_url
from store.errors import StoreError

RETRY_S = 60.0  # a server restarts in less


class Database:
    """A database with the store's tables, the clock (Unix seconds), and the retry time while a server is away."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.time, retry_s: float = RETRY_S) -> None:
        self.engine = engine
        self.now = clock
        self.retry_s = retry_s
        self.paths = StoredPaths(engine.url)

    @classmethod
    def open(cls, url: str, *, create: bool, clock: Callable[[], float], retry_s: float, wait: bool) -> Self:
        """Connect and bring the tables up to date. See `store.store.Store.open`."""
        parsed = parse_url(url)
        engine = retry(lambda: _connect(parsed, create=create), retry_s if wait else 0.0)
        return cls(engine, clock, retry_s)

    def close(self) -> None:
        """Close the connections."""
        self.engine.dispose()

    @property
    def url(self) -> str:
        """The URL that opens this database from any process and working directory. Contains the password."""
        return self.engine.url.render_as_string(hide_password=False)

    @property
    def masked_url(self) -> str:
        """The URL with secrets masked, for messages and logs."""
        return masked(self.engine.url)

    def read(self) -> AbstractContextManager[Session]:
        """A read transaction."""
        return transaction(self.engine, write=False)

    def write(self) -> AbstractContextManager[Session]:
        """A write transaction: committed at the end of the context, rolled back on an exception."""
        return transaction(self.engine, write=True)


class StorePart:
    """Base class of the parts of a store. Each public method is one transaction unless it says otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def retry_s(self) -> float:
        """How long a method retries while the database server is away, in seconds."""
        return self._database.retry_s

    def _read(self) -> AbstractContextManager[Session]:
        return self._database.read()

    def _write(self) -> AbstractContextManager[Session]:
        return self._database.write()

    def _now(self) -> float:
        return self._database.now()


def _connect(url: URL, *, create: bool) -> Engine:
    engine = connect(url, create=create)
    try:
        ensure_schema(engine, create=create)
    except StoreError:
        engine.dispose()
        raise
    return engine
