"""Bulk statements in the fastest form of each database: arrays in PostgreSQL, executemany in SQLite.

Values go to the driver directly, without SQLAlchemy's type conversion: only text, numbers, bytes and None. The SQL text
contains nothing but the names of our own tables and columns.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Dialect, Float, Table, text
from sqlalchemy.orm import Session

BATCH = 500
"""Rows per statement: well below SQLite's limit of 32,766 parameters."""


def reserve_ids(session: Session, table: Table, count: int) -> list[int]:
    """Reserve ids for `count` new rows, ascending and never used before.

    On SQLite the transaction must hold the write lock, and must insert these rows before it reserves more.
    """
    (key,) = table.primary_key.columns
    if session.get_bind().dialect.name == "postgresql":
        sequence = text("SELECT nextval(pg_get_serial_sequence(:table, :key)) FROM generate_series(1, :count)")
        return sorted(session.scalars(sequence, {"table": table.name, "key": key.name, "count": count}))
    last = session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name}) or 0
    return list(range(last + 1, last + 1 + count))


def insert_rows(session: Session, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns; other columns get their defaults."""
    if not rows:
        return
    names = tuple(rows[0])
    connection = session.connection()
    statement = _insert(table, names, connection.dialect)
    _execute(connection, statement, [tuple(row.values()) for row in rows], _float_places(table, names))


def insert_list(session: Session, table: Table, owner: int, values: Sequence[int]) -> None:
    """Insert a list into a table of three columns: the owner, the position from 0, and the value."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        items = (
            "SELECT %s::bigint, position - 1, value FROM unnest(%b::bigint[]) WITH ORDINALITY AS list(value, position)"
        )
        parameters: tuple[Any, ...] = (owner, list(values))
    else:
        items = "SELECT ?, key, value FROM json_each(?)"
        parameters = (owner, json.dumps(values))
    names = ", ".join(column.name for column in table.columns)
    connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) {items}", parameters)


def add_counts(session: Session, table: Table, counts: Mapping[Any, Mapping[str, int]]) -> None:
    """Increment columns of the rows with these keys; all keys have the same columns."""
    if not counts:
        return
    names = tuple(next(iter(counts.values())))
    rows = [(*(increments[name] for name in names), key) for key, increments in sorted(counts.items())]
    connection = session.connection()
    _execute(connection, _update(table, names, connection.dialect), rows)


def find_first(
    session: Session, table: Table, keys: tuple[str, ...], wanted: Sequence[tuple[Any, ...]], names: tuple[str, ...]
) -> list[Any]:
    """The distinct values of columns `names` where `keys` equal one of `wanted`, each with its lowest primary key.

    Each of `wanted` is looked up separately: SQLite would scan the whole table for `(a, b) IN (VALUES ...)`.
    """
    if not wanted:
        return []
    connection = session.connection()
    columns = ", ".join(f"t.{name}" for name in names)
    (number,) = table.primary_key.columns
    found = f"SELECT {columns}, min(t.{number.name}) FROM wanted CROSS JOIN {table.name} AS t "  # noqa: S608
    found += f"WHERE {' AND '.join(f't.{key} = wanted.{key}' for key in keys)} GROUP BY {columns}"
    if connection.dialect.name == "postgresql":
        arrays = _arrays(table, keys, connection.dialect)
        rows = f"WITH wanted AS (SELECT * FROM unnest({arrays}) AS rows({', '.join(keys)})) "  # noqa: S608
        arguments = tuple(list(column) for column in zip(*wanted, strict=True))
    else:
        row = f"({', '.join('?' * len(keys))})"
        rows = f"WITH wanted({', '.join(keys)}) AS (VALUES {', '.join([row] * len(wanted))}) "
        arguments = tuple(chain.from_iterable(wanted))
    return list(connection.exec_driver_sql(rows + found, arguments))


def _execute(
    connection: Connection, statement: str, rows: Sequence[tuple[Any, ...]], floats: Sequence[int] = ()
) -> None:
    """Execute a statement of ours on rows, of which `floats` are the places of floating-point columns."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql(statement, list(rows))
        return
    columns = [list(column) for column in zip(*rows, strict=True)]
    for place in floats:  # psycopg refuses an array of floats with an integer in it
        columns[place] = [None if value is None else float(value) for value in columns[place]]
    connection.exec_driver_sql(statement, tuple(columns))


@cache
def _float_places(table: Table, names: tuple[str, ...]) -> list[int]:
    return [place for place, name in enumerate(names) if isinstance(table.c[name].type, Float)]


@cache
def _insert(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    into = f"INSERT INTO {table.name} ({', '.join(names)})"
    if dialect.name == "postgresql":
        return f"{into} SELECT * FROM unnest({_arrays(table, names, dialect)})"  # noqa: S608
    return f"{into} VALUES ({', '.join('?' * len(names))})"


@cache
def _update(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    (key,) = table.primary_key.columns
    if dialect.name == "postgresql":
        new = ", ".join(f"{name} = {table.name}.{name} + more.{name}" for name in names)
        arrays = _arrays(table, (*names, key.name), dialect)
        return (
            f"UPDATE {table.name} SET {new} FROM unnest({arrays}) AS more({', '.join(names)}, key) "  # noqa: S608
            f"WHERE {table.name}.{key.name} = more.key"
        )
    return f"UPDATE {table.name} SET {', '.join(f'{name} = {name} + ?' for name in names)} WHERE {key.name} = ?"  # noqa: S608


def _arrays(table: Table, names: Sequence[str], dialect: Dialect) -> str:
    """Placeholders of arrays in binary form: in text form each value would be scanned for quotes, and bytes would be
    encoded in hexadecimal.
    """
    return ", ".join(f"%b::{table.c[name].type.compile(dialect)}[]" for name in names)
