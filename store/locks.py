"""What only one may do at a time, where rows to hold would be too many or are not there yet."""

from enum import IntEnum

from sqlalchemy import Connection, text


class Lock(IntEnum):
    """Numbers that all processes agree on."""

    SCHEMA = 0x6175746F
    IMPORT = 0x70726F62
    TRAINED = 0x74726E64
    """Shared by those who choose what is trained on; alone with who takes rollouts away."""


def take(connection: Connection, lock: Lock, *, shared: bool = False) -> None:
    """Waits for a lock and holds it to the end of the transaction. On SQLite whoever writes is alone in any case."""
    if connection.dialect.name == "postgresql":
        name = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        connection.execute(text(f"SELECT {name}(:key)"), {"key": int(lock)})
