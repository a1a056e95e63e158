"""The database: engines for SQLite and PostgreSQL, transactions, tables, migrations, retries and error translation.

Begin with `database.py`, which opens one. `tables/` defines the schema and `migrations/` its history.
"""
