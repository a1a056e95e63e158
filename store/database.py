"""The connection: URLs, how SQLite and PostgreSQL are set up, transactions, and what their errors mean."""

import os
import random
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.orm import Session

from store.errors import (
    NotAStoreError,
    StoreAwayError,
    StoreBusyError,
    StoreDamagedError,
    StoreDeadlockError,
    StoreError,
    StoreMissingError,
    StoreUnreachableError,
    StoreUrlError,
)

BUSY_TIMEOUT_S = 60.0
CONNECT_TIMEOUT_S = 10
SQLITE_CACHE_KIB = 65_536  # a connection; the default of 2 MiB does not hold the inner pages of a big store's indexes
SQLITE_CHECKPOINT_PAGES = 8_192  # 32 MiB of log; a page that many batches touch is then copied to its place once
WRITE_LOCK_POLL_S = (0.002, 0.03)  # at most so long: at first, and in the end
_WRITES = "store_writes"  # an execution option of connections that are going to write
_MIGRATES = "store_migrates"  # and of those that are going to change tables
# connection_exception, admin_shutdown, crash_shutdown, cannot_connect_now; None: no answer that has a code
_PG_AWAY = ("08000", "08003", "08006", "08001", "57P01", "57P02", "57P03", None)
_PG_COMES_AND_GOES = ("starting up", "shutting down", "recovery mode", "not yet accepting connections")
_PG_DAMAGED = ("XX001", "XX002")  # data_corrupted, index_corrupted
_PG_BUSY = "55P03"  # lock_not_available
_PG_DEADLOCK = "40P01"
_LIBPQ_ASKS = re.compile(r" Is the server running .*\?$")  # as we do
_FORMS = "sqlite:///folder/store.db or postgresql://user:password@host/database"


def parse_url(url: str) -> URL:
    """The URL with its driver chosen and, for SQLite, its path made absolute: workers start in other folders.

    Raises:
        StoreUrlError: it is not a URL of SQLite or PostgreSQL, or names no file.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreUrlError(f"{url!r} is not a database URL: use {_FORMS}") from None
    match parsed.get_backend_name():
        case "sqlite":
            if parsed.drivername not in ("sqlite", "sqlite+pysqlite"):
                raise StoreUrlError(
                    f"{masked(parsed)}: the driver {parsed.drivername!r} is not used here: use {_FORMS}"
                )
            if not parsed.database or parsed.database == ":memory:":
                raise StoreUrlError(f"{masked(parsed)}: a store in memory cannot be shared by processes: use {_FORMS}")
            if parsed.database.startswith("file:"):
                raise StoreUrlError(f"{masked(parsed)}: SQLite's file: form is not used here: use {_FORMS}")
            return parsed.set(database=str(Path(parsed.database).expanduser().absolute()))
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise StoreUrlError(f"{masked(parsed)}: {other!r} is not supported: use {_FORMS}")


def masked(url: URL) -> str:
    """The URL as it may be shown: no password, neither in its place nor in the query."""
    hidden = url.update_query_dict(dict.fromkeys(_secret_keys(url), "***")).set(drivername=url.get_backend_name())
    return hidden.render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


def _secret_keys(url: URL) -> list[str]:
    return [key for key in url.query if "password" in key.lower() or "secret" in key.lower()]


def connect(url: URL, *, create: bool) -> Engine:
    """An engine on a database that was reached once.

    Raises:
        StoreMissingError: no file, or no folder for it.
        StoreUnreachableError: the database does not answer, or refuses.
        NotAStoreError: the file is no SQLite database.
    """
    engine = _sqlite_engine(url, create=create) if url.get_backend_name() == "sqlite" else _postgresql_engine(url)
    try:
        with explained(url), engine.connect():
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
    bind = engine.execution_options(**{_WRITES: True, _MIGRATES: migrate}) if write else engine
    with explained(engine.url), Session(bind, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def explained(url: URL) -> Iterator[None]:
    """Turns what a driver raises for the world's faults into a one-line `StoreError`; our own faults pass."""
    try:
        yield
    except DBAPIError as error:
        explanation = _explain(error, url)
        if explanation is None:
            raise
        raise explanation from error


def _explain(error: DBAPIError, url: URL) -> StoreError | None:
    reason = " ".join(str(error.orig).split())
    for secret in (url.password, *(url.query[key] for key in _secret_keys(url))):
        if secret:
            reason = reason.replace(str(secret), "***")
    where = masked(url)
    if isinstance(error.orig, sqlite3.Error):
        return _explain_sqlite(reason, where)
    code = getattr(error.orig, "sqlstate", None)
    if code == _PG_DEADLOCK:
        return StoreDeadlockError(f"{where}: two transactions waited for each other: {reason}")
    if code == _PG_BUSY:
        return StoreBusyError(f"{where}: locked by another process for over {BUSY_TIMEOUT_S:.0f} s: {reason}")
    if code in _PG_DAMAGED:
        return StoreDamagedError(f"{where}: {reason}. Restore the database from a copy.")
    if error.connection_invalidated or isinstance(error, OperationalError):
        kind = StoreAwayError if code in _PG_AWAY and not _refused(reason) else StoreUnreachableError
        reason = _LIBPQ_ASKS.sub("", reason)
        return kind(f"{where}: the database cannot be used: {reason}. Is the server up, the name right?")
    if "permission denied" in reason:
        return StoreUnreachableError(f"{where}: {reason}. Grant the user CREATE and USAGE on the schema.")
    return None


def _refused(reason: str) -> bool:
    """Whom a server turns away for good, it tells so with FATAL and without a code: a wrong user, no such database."""
    return "FATAL" in reason and not any(sign in reason for sign in _PG_COMES_AND_GOES)


def _explain_sqlite(reason: str, where: str) -> StoreError | None:
    if "locked" in reason or "busy" in reason:
        return StoreBusyError(
            f"{where}: locked by another process for over {BUSY_TIMEOUT_S:.0f} s. Is one of them stuck?"
        )
    if "not a database" in reason:
        return NotAStoreError(f"{where}: {reason}. Name another file, or restore this one from a copy.")
    if "malformed" in reason:
        return StoreDamagedError(f"{where}: {reason}. Restore the file from a copy.")
    if "unable to open" in reason:
        return StoreUnreachableError(
            f"{where}: the file cannot be opened. Check that it and its folder may be written."
        )
    if "readonly" in reason:
        return StoreUnreachableError(f"{where}: the file is read-only. Make it and its folder writable.")
    if "full" in reason or "disk I/O" in reason:
        return StoreUnreachableError(f"{where}: {reason}. Free some space on its disk.")
    return None


def _sqlite_engine(url: URL, *, create: bool) -> Engine:
    assert url.database is not None
    try:
        _check_file(Path(url.database), masked(url), create=create)
    except OSError as error:  # a folder on the way that may not be entered, a name that is too long
        raise StoreUnreachableError(f"{masked(url)}: {error.strerror}. Name another file.") from error
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False}, pool_size=4
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a loss of power
        connection.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {SQLITE_CHECKPOINT_PAGES}")
        _use_wal(connection)

    _close_cursors_with_their_transaction(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Python's driver would begin by itself, and only at the first write: hence isolation_level None and this.
        options = connection.get_execution_options()
        # SQLite changes a table by making another, and takes this setting outside of a transaction alone.
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if options.get(_MIGRATES) else 'ON'}")
        if options.get(_WRITES):
            _take_write_lock(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _close_cursors_with_their_transaction(engine: Engine) -> None:
    """A SELECT whose result nobody read outlives its transaction: until it is collected, its connection would go on
    seeing the database as it was then, and could not write.
    """
    opened = "store_cursors"

    @event.listens_for(engine, "after_cursor_execute")
    def remember(connection: Connection, cursor: sqlite3.Cursor, *_: Any) -> None:
        connection.info.setdefault(opened, WeakSet()).add(cursor)

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def close(connection: Connection) -> None:
        for cursor in connection.info.pop(opened, ()):
            cursor.close()


def _take_write_lock(connection: Connection) -> None:
    """Begins a transaction that writes, as soon as no other does.

    SQLite's own waiting sleeps for up to a tenth of a second, in which the lock lies free and its file idle. But waking
    costs more than asking, so those who wait for long ask less often.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    most_s, last_s = WRITE_LOCK_POLL_S
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while not _began_to_write(connection, last_try=time.monotonic() > deadline):
            time.sleep(random.uniform(most_s / 2, most_s))  # noqa: S311 - so that two do not keep in step
            most_s = min(2 * most_s, last_s)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")


def _began_to_write(connection: Connection, *, last_try: bool) -> bool:
    """Asks the driver itself: an error that SQLAlchemy wraps costs ten times what the asking does, and on a machine
    with many writers most of those who ask are told to wait.
    """
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        # The lower byte: besides plain SQLITE_BUSY there is one for an index of the log that another is mending.
        if not last_try and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails again, as callers expect it of SQLAlchemy
    return True


def _check_file(path: Path, where: str, *, create: bool) -> None:
    if path.is_dir():
        raise StoreUrlError(f"{where}: this is a folder. Name a file in it.")
    if not path.exists():
        if not create:
            raise StoreMissingError(f"{where}: there is no store. Start a run, or check the path.")
        if not path.parent.is_dir():
            raise StoreMissingError(f"{where}: the folder {path.parent} does not exist. Make it, or name another.")
        if not os.access(path.parent, os.W_OK):
            raise StoreUnreachableError(f"{where}: the folder {path.parent} is not writable. Name another.")
    elif not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnreachableError(f"{where}: the file may not be read and written by this user.")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switches to write-ahead logging. The switch needs the file alone and does not wait by itself."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _postgresql_engine(url: URL) -> Engine:
    # So that a host that is gone is noticed; what the URL says goes before.
    limits = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": round(BUSY_TIMEOUT_S * 1000),
    }
    connect_args = {key: value for key, value in limits.items() if key not in url.query}
    # A connection is tried before use: one that died with a restarted server is replaced in silence.
    engine = create_engine(url, connect_args=connect_args, pool_pre_ping=True, pool_size=2, max_overflow=8)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
        connection.commit()

    return engine
