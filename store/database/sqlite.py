"""SQLite: the file, its settings for many writing processes, and the wait for its write lock."""

import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy import URL, Connection, Engine, create_engine, event

from store.database.error_translation import BUSY_TIMEOUT_S
from store.database.urls import masked
from store.errors import StoreMissingError, StoreUnreachableError, StoreUrlError

CACHE_KIB = 65_536  # a connection; the default of 2 MiB does not hold the inner pages of a big store's indexes
CHECKPOINT_PAGES = 8_192  # 32 MiB of log; a page that many batches touch is then copied to its place once
WRITE_LOCK_POLL_S = (0.002, 0.03)  # longest pause between two attempts: at first, and in the end
WRITES = "store_writes"
"""Execution option of connections that are going to write."""
MIGRATES = "store_migrates"
"""Execution option of connections that are going to change tables."""


def sqlite_engine(url: URL, *, create: bool) -> Engine:
    """An engine for a SQLite file in WAL mode. Raises as `store.database.connection.connect`."""
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
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        _use_wal(connection)

    _close_cursors_at_end_of_transaction(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Python's driver would begin by itself, and only at the first write: hence isolation_level None and this.
        options = connection.get_execution_options()
        # SQLite changes a table by making another, and takes this setting outside of a transaction alone.
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if options.get(MIGRATES) else 'ON'}")
        if options.get(WRITES):
            _acquire_write_lock(connection)
        else:
            connection.exec_driver_sql("BEGIN")

    return engine


def _close_cursors_at_end_of_transaction(engine: Engine) -> None:
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


def _acquire_write_lock(connection: Connection) -> None:
    """Begins a transaction that writes, as soon as no other does.

    SQLite's own waiting sleeps for up to a tenth of a second, in which the lock lies free and its file idle. But waking
    costs more than asking, so those who wait for long ask less often.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    most_s, last_s = WRITE_LOCK_POLL_S
    connection.exec_driver_sql("PRAGMA busy_timeout = 0")
    try:
        while not _try_begin_immediate(connection, last_try=time.monotonic() > deadline):
            time.sleep(random.uniform(most_s / 2, most_s))  # noqa: S311 - so that two do not keep in step
            most_s = min(2 * most_s, last_s)
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(BUSY_TIMEOUT_S * 1000)}")


def _try_begin_immediate(connection: Connection, *, last_try: bool) -> bool:
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
