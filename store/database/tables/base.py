"""What all tables share: naming of constraints, the types of columns, row ids."""

from enum import StrEnum
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Enum, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase

from store.records import Outcome, Pool, Purpose, ReviewStatus, Split

# SQLite numbers rows by itself only where the type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _text_enum(members: type[StrEnum]) -> Enum:
    """The values as text. No CHECK constraint, so that a new member needs no migration."""
    return Enum(members, native_enum=False, length=16, values_callable=lambda e: [member.value for member in e])


class Base(DeclarativeBase):
    """Constraint names are fixed by rule: a later migration can drop what it can name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this from the class
        Split: _text_enum(Split),
        Purpose: _text_enum(Purpose),
        Outcome: _text_enum(Outcome),
        Pool: _text_enum(Pool),
        ReviewStatus: _text_enum(ReviewStatus),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
    }


def table(model: type[Base]) -> Table:
    """The table of a model, for statements on many rows."""
    return cast(Table, model.__table__)
