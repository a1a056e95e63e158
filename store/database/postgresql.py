"""PostgreSQL engines: timeouts that detect a lost host, and connections that are checked before use."""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from store.database.error_translation import BUSY_TIMEOUT_S
from store.database.execution_options import WRITES

CONNECT_TIMEOUT_S = 10
IDLE_WRITE_S = 20
"""A process that is silent for so long in the middle of a write is stopped or gone. The server ends its transaction,
and frees its locks before those who wait for them give up."""


def postgresql_engine(url: URL) -> Engine:
    """An engine for a PostgreSQL URL. Timeouts in the URL take precedence over these defaults."""
    timeouts = {  # to detect a host that is gone
        "connect_timeout": CONNECT_TIMEOUT_S,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": round(BUSY_TIMEOUT_S * 1000),
    }
    connect_args = {key: value for key, value in timeouts.items() if key not in url.query}
    # Pre-ping replaces connections that died when the server restarted.
    engine = create_engine(url, connect_args=connect_args, pool_pre_ping=True, pool_size=2, max_overflow=8)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {round(BUSY_TIMEOUT_S * 1000)}")
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES):
            connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_WRITE_S}s'")

    return engine
