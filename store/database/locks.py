"""Advisory locks, for operations whose rows are too many to lock or do not exist yet."""

from enum import IntEnum

from sqlalchemy import Connection, text


class AdvisoryLock(IntEnum):
    """Lock numbers, the same in all processes."""

    SCHEMA = 0x6175746F
    IMPORT = 0x70726F62
    TRAINING_SETS = 0x74726E64
    """Held in shared mode while a training set is selected, exclusively while rollouts are pruned."""


def acquire(connection: Connection, lock: AdvisoryLock, *, shared: bool = False) -> None:
    """Wait for a lock and hold it until the transaction ends. A no-op in SQLite, which has one writer at a time."""
    if connection.dialect.name == "postgresql":
        name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {name}(:key)"), {"key": int(lock)})
