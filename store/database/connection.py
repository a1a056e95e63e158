"""Engines and transactions, the same for SQLite and PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, Engine
from sqlalchemy.orm import Session

from store.database.error_translation import translated_errors
from store.database.postgresql import postgresql_engine
from store.database.sqlite import MIGRATES, WRITES, sqlite_engine
from store.errors import StoreError


def connect(url: URL, *, create: bool) -> Engine:
    """An engine on a database that was reached once.

    Raises:
        StoreMissingError: no file, or no folder for it.
        StoreUnreachableError: the database does not answer, or refuses.
        NotAStoreError: the file is no SQLite database.
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
    """A session in one transaction: committed at the end, rolled back at an exception.

    A writing transaction of SQLite takes the write lock at once: one that reads first and then writes would fail when
    another wrote in between. One that is to `migrate` may drop a table that others refer to, and make it anew.
    """
    bind = engine.execution_options(**{WRITES: True, MIGRATES: migrate}) if write else engine
    with translated_errors(engine.url), Session(bind, expire_on_commit=False) as session, session.begin():
        yield session
