"""SQLite engines: the file, settings for many writing processes, and waiting for the write lock."""

import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event

from store.database.error_translation import BUSY_TIMEOUT_S
from store.database.execution_options import MIGRATES, WRITES
from store.database.urls import masked
from store.errors import StoreMissingError, StoreUnreachableError, StoreUrlError

CACHE_KIB = 65_536  # per connection; the default of 2 MiB is too small for the inner index pages of a large store
CHECKPOINT_PAGES = 8_192  # 32 MiB of log, so that a page that many batches change is checkpointed once
WRITE_LOCK_POLL_S = (0.002, 0.03)  # longest pause between two attempts: the first, and the limit of the backoff


def sqlite_engine(url: URL, *, create: bool) -> Engine:
    """An engine for a SQLite file in WAL mode. Raises the errors of `store.database.connection.connect`."""
    assert url.database is not None
    try:
        _check_file(Path(url.database), masked(url), create=create)
    except OSError as error:  # e.g. no permission to enter a parent folder, or a name that is too long
        raise StoreUnreachableError(f"{masked(url)}: {error.strerror}. Name another file.") from error
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None, "check_same_thread": False}, pool_size=4
    )

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = FULL")  # acknowledged writes survive a power loss
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        _use_wal(connection)

    _close_cursors_at_end_of_transaction(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Python's driver would begin a transaction only at the first write: hence isolation_level None and this hook.
        options = connection.get_execution_options()
        # Alembic alters a SQLite table by recreating it. This pragma has no effect inside a transaction.
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if options.get(MIGRATES) else 'ON'}")
        if options.get(WRITES):
            _acquire_write_lock(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _close_cursors_at_end_of_transaction(engine: Engine) -> None:
    """Close all cursors when their transaction ends.

    A SELECT that was not read to its end would outlive its transaction: until its cursor is garbage-collected, the
    connection would keep the old snapshot of the database and could not write.
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


def _acquire_write_lock(connection: Connection) -> None:
    """Begin a write transaction as soon as no other is open.

    SQLite's own busy handler sleeps for up to a tenth of a second, while the lock may be free. Polling avoids that. It
    backs off, because a wake-up costs more than the attempt itself.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    pause_s, longest_s = WRITE_LOCK_POLL_S
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while not _try_begin_immediate(connection, last_try=time.monotonic() > deadline):
            time.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311 - jitter
            pause_s = min(2 * pause_s, longest_s)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")


def _try_begin_immediate(connection: Connection, *, last_try: bool) -> bool:
    """Try `BEGIN IMMEDIATE` on the driver's own connection; False if the database is busy.

    An error that SQLAlchemy wraps costs ten times as much as the attempt, and with many writers most attempts fail.
    """
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        # Only the lower byte: SQLITE_BUSY_RECOVERY means that another process is rebuilding the index of the log.
        if not last_try and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # fails again, with the SQLAlchemy error that callers expect
    return True


def _check_file(path: Path, where: str, *, create: bool) -> None:
    if path.is_dir():
        raise StoreUrlError(f"{where}: this is a folder. Name a file inside it.")
    if not path.exists():
        if not create:
            raise StoreMissingError(f"{where}: there is no store. Start a run, or check the path.")
        if not path.parent.is_dir():
            raise StoreMissingError(f"{where}: the folder {path.parent} does not exist. Create it, or name another.")
        if not os.access(path.parent, os.W_OK):
            raise StoreUnreachableError(f"{where}: the folder {path.parent} is not writable. Name another.")
    elif not os.access(path, os.R_OK | os.W_OK):
        raise StoreUnreachableError(f"{where}: the file is not readable and writable by this user. Name another.")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging. The switch needs exclusive access and has no timeout of its own."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
