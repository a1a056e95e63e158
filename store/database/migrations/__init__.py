"""The history of the tables as Alembic migrations, run by `store.database.schema`.

A new migration is a module in `versions/`, together with a new `SCHEMA_REVISION` in `store.database.tables`.
"""
