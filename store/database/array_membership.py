"""Membership in an array that is passed as a single parameter.

SQLAlchemy's `in_` expands to one parameter per value at each execution. PostgreSQL's driver and planner took longer
over such statements than over finding the rows.
"""

from collections.abc import Collection
from typing import Any, Self

from sqlalchemy import ARRAY, JSON, Boolean, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _InArray(FunctionElement[bool]):
    """The SQL function of (column, values)."""

    name = "in_array"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Self:
        """Return itself: SQLAlchemy would append `= 1` on SQLite, and then no index would apply."""
        return self


def in_array(column: ColumnElement[Any] | InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """True where the column (text or integer) equals one of the values."""
    kind = ARRAY(column.type).with_variant(JSON(), "sqlite")
    return _InArray(column, bindparam("values", list(values), kind, unique=True))


@compiles(_InArray, "postgresql")
def _in_array(element: _InArray, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY ({compiler.process(values, **options)})"


@compiles(_InArray, "sqlite")
def _in_json(element: _InArray, compiler: SQLCompiler, **options: Any) -> str:
    column, values = element.clauses
    array = compiler.process(values, **options)
    return f"{compiler.process(column, **options)} IN (SELECT value FROM json_each({array}))"  # noqa: S608
