"""Upgrades a database to the newest migration. Safe to run in several processes at once."""

import threading
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, select, table
from sqlalchemy import column as sql_column

from store.database.connection import transaction
from store.database.locks import AdvisoryLock, acquire
from store.database.tables import SCHEMA_REVISION, Base
from store.database.urls import masked
from store.errors import NotAStoreError, StoreMissingError, StoreTooNewError

VERSION_TABLE = "automathes_schema"
MIGRATIONS = Path(__file__).parent / "migrations"
_alembic = threading.Lock()  # Alembic keeps its context in module globals


def ensure_schema(engine: Engine, *, create: bool) -> None:
    """Create or upgrade the tables if needed, in one transaction.

    Raises:
        StoreTooNewError: the store was written by a newer version of this program.
        StoreMissingError: there are no tables and `create` is False.
        NotAStoreError: another program's tables have the same names.
    """
    with transaction(engine, write=False) as session:
        if _revision(session.connection()) == SCHEMA_REVISION:
            return
    with transaction(engine, write=True, migrate=True) as session:
        connection = session.connection()
        acquire(connection, AdvisoryLock.SCHEMA)
        revision = _revision(connection)  # again, now that no other process can change it
        if revision == SCHEMA_REVISION:
            return
        _check_upgradable(connection, revision, masked(engine.url), create=create)
        migrate(connection, SCHEMA_REVISION)


def migrate(connection: Connection, revision: str) -> None:
    """Run the migrations up or down to `revision` ("base": no tables) in the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _alembic:
        down = revision == "base" or revision < (_revision(connection) or "")
        (command.downgrade if down else command.upgrade)(config, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(sql_column("version_num")).select_from(table(VERSION_TABLE)))


def _check_upgradable(connection: Connection, revision: str | None, where: str, *, create: bool) -> None:
    if revision is not None and revision > SCHEMA_REVISION:
        raise StoreTooNewError(
            f"{where}: the store has schema {revision}, this program supports {SCHEMA_REVISION}. Update the program."
        )
    if revision is None:
        if not create:
            raise StoreMissingError(f"{where}: there is no store in this database. Start a run, or check the name.")
        foreign = sorted(set(inspect(connection).get_table_names()) & set(Base.metadata.tables))
        if foreign:
            raise NotAStoreError(
                f"{where}: the database has another program's tables ({', '.join(foreign)}). Name an empty database."
            )
