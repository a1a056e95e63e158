"""Alembic's entry point. The caller gives the connection, already in a transaction and under a lock."""

from alembic import context

from store.database.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
)
context.run_migrations()
