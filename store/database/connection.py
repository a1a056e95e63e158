"""Engines and transactions for SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from store.database.error_translation import translated_errors
from store.database.execution_options import MIGRATES, WRITES
from store.database.postgresql import postgresql_engine
from store.database.sqlite import sqlite_engine
from store.errors import StoreError


def connect(url: URL, *, create: bool) -> Engine:
    """Create an engine and check that it can connect.

    Raises:
        StoreMissingError: the file, or the folder for it, does not exist.
        StoreUnreachableError: the database does not respond or refuses the connection.
        NotAStoreError: the file is not a SQLite database.
    """
    engine = sqlite_engine(url, create=create) if url.get_backend_name() == "sqlite" else postgresql_engine(url)
    try:
        with translated_errors(url), engine.connect():
            pass
        return engine
    except StoreError:
        engine.dispose()
        raise


@contextmanager
def transaction(engine: Engine, *, write: bool, migrate: bool = False) -> Iterator[Session]:
    """A session in one transaction: committed at the end, rolled back on an exception.

    A write transaction of SQLite takes the write lock at its start: one that reads first and writes later would fail if
    another process wrote in between. With `migrate`, a table can be dropped and recreated although others refer to it.
    """
    bind = engine.execution_options(**{WRITES: True, MIGRATES: migrate}) if write else engine
    with translated_errors(engine.url), Session(bind, expire_on_commit=False) as session, session.begin():
        yield session
