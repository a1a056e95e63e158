"""The history of the tables, as Alembic migrations. `store.schema` runs them."""
