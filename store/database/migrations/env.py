"""Alembic's entry point. The caller passes a connection that is in a transaction and holds the schema lock."""

from alembic import context

from store.database.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite tables are altered by copying them
)
context.run_migrations()
