"""Advisory locks, for what one process at a time may do where the rows to lock are too many or do not exist yet."""

from enum import IntEnum

from sqlalchemy import Connection, text


class AdvisoryLock(IntEnum):
    """Lock numbers that all processes agree on."""

    SCHEMA = 0x6175746F
    IMPORT = 0x70726F62
    TRAINED = 0x74726E64
    """Held shared while a training set is selected, exclusively while rollouts are pruned."""


def acquire(connection: Connection, lock: AdvisoryLock, *, shared: bool = False) -> None:
    """Wait for a lock and hold it to the end of the transaction. SQLite has one writer at a time in any case."""
    if connection.dialect.name == "postgresql":
        name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {name}(:key)"), {"key": int(lock)})
