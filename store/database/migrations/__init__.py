"""The history of the tables, as Alembic migrations. `store.database.schema` runs them."""
