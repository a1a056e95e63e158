"""Translates driver errors into one-line `StoreError`s that say what happened and what to do."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as ConnectionTimeoutError

from store.database.urls import masked, secret_keys
from store.database.write_lock import write_lock_holder
from store.errors import (
    NotAStoreError,
    StoreAwayError,
    StoreBusyError,
    StoreDamagedError,
    StoreDeadlockError,
    StoreError,
    StoreUnreachableError,
)

BUSY_TIMEOUT_S = 60.0
"""How long to wait for a lock that another process holds, in seconds."""

# connection_exception, admin_shutdown, crash_shutdown, cannot_connect_now; 25P03: idle_in_transaction_session_timeout;
# None: no reply with a code
_PG_AWAY = ("08000", "08003", "08006", "08001", "57P01", "57P02", "57P03", "25P03", None)
_PG_TRANSIENT = ("starting up", "shutting down", "recovery mode", "not yet accepting connections")
_PG_DAMAGED = ("XX001", "XX002")  # data_corrupted, index_corrupted
_PG_BUSY = "55P03"  # lock_not_available
_PG_DEADLOCK = "40P01"
_LIBPQ_HINT = re.compile(r" Is the server running .*\?$")  # our own message ends with the same question


@contextmanager
def translated_errors(url: URL) -> Iterator[None]:
    """Raise failures of the environment as one-line `StoreError`s; errors of our own pass through unchanged."""
    try:
        yield
    except DBAPIError as error:
        translated = _translate(error, url)
        if translated is None:
            raise
        raise translated from error
    except ConnectionTimeoutError as error:
        raise StoreBusyError(f"{masked(url)}: all connections of this process are in use: {error.args[0]}") from error


def _translate(error: DBAPIError, url: URL) -> StoreError | None:
    reason = " ".join(str(error.orig).split())
    for secret in (url.password, *(url.query[key] for key in secret_keys(url))):
        if secret:
            reason = reason.replace(str(secret), "***")
    where = masked(url)
    if isinstance(error.orig, sqlite3.Error):
        return _translate_sqlite(reason, where, _holder(url))
    code = getattr(error.orig, "sqlstate", None)
    if code == _PG_DEADLOCK:
        return StoreDeadlockError(f"{where}: deadlock of two transactions: {reason}")
    if code == _PG_BUSY:
        return StoreBusyError(f"{where}: locked by another process for over {BUSY_TIMEOUT_S:.0f} s: {reason}")
    if code in _PG_DAMAGED:
        return StoreDamagedError(f"{where}: {reason}. Restore the database from a copy.")
    if error.connection_invalidated or isinstance(error, OperationalError):
        kind = StoreAwayError if code in _PG_AWAY and not _is_refusal(reason) else StoreUnreachableError
        reason = _LIBPQ_HINT.sub("", reason)
        return kind(f"{where}: the database cannot be used: {reason}. Is the server up, the name right?")
    if "permission denied" in reason:
        return StoreUnreachableError(f"{where}: {reason}. Grant the user CREATE and USAGE on the schema.")
    return None


def _is_refusal(reason: str) -> bool:
    """Whether the server refuses the connection for good: FATAL without a code, such as a wrong user or database."""
    return "FATAL" in reason and not any(state in reason for state in _PG_TRANSIENT)


def _holder(url: URL) -> str:
    pid = write_lock_holder(Path(url.database or ""))
    return f"process {pid}" if pid else "another process"


def _translate_sqlite(reason: str, where: str, holder: str) -> StoreError | None:
    if "locked" in reason or "busy" in reason:
        return StoreBusyError(f"{where}: locked by {holder} for over {BUSY_TIMEOUT_S:.0f} s. Is it stuck?")
    if "not a database" in reason:
        return NotAStoreError(f"{where}: {reason}. Name another file, or restore this one from a copy.")
    if "malformed" in reason:
        return StoreDamagedError(f"{where}: {reason}. Restore the file from a copy.")
    if "unable to open" in reason:
        return StoreUnreachableError(f"{where}: the file cannot be opened. Check that it and its folder are writable.")
    if "readonly" in reason:
        return StoreUnreachableError(f"{where}: the file is read-only. Make it and its folder writable.")
    if "full" in reason or "disk I/O" in reason:
        return StoreUnreachableError(f"{where}: {reason}. Free some space on its disk.")
    return None
