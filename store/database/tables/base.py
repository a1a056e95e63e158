"""The declarative base of all tables: constraint names, column types, row ids."""

from enum import StrEnum
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Enum, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.orm import DeclarativeBase

from store.records import (
    ExclusionKind,
    FaultKind,
    Outcome,
    Pool,
    Purpose,
    ReviewKind,
    ReviewQueue,
    ReviewReason,
    ReviewState,
    ReviewStatus,
    ReviewVerdict,
    Split,
    Support,
)

# SQLite generates row ids only if the type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _text_enum(members: type[StrEnum]) -> Enum:
    """A column type that stores values as text, without a CHECK constraint, so that new members need no migration."""
    return Enum(members, native_enum=False, length=16, values_callable=lambda e: [member.value for member in e])


class Base(DeclarativeBase):
    """Base class of the tables. Constraints get predictable names, so that later migrations can drop them."""

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
        FaultKind: _text_enum(FaultKind),
        Support: _text_enum(Support),
        ExclusionKind: _text_enum(ExclusionKind),
        ReviewKind: _text_enum(ReviewKind),
        ReviewQueue: _text_enum(ReviewQueue),
        ReviewReason: _text_enum(ReviewReason),
        ReviewState: _text_enum(ReviewState),
        ReviewVerdict: _text_enum(ReviewVerdict),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
    }


def table(model: type[Base]) -> Table:
    """The table of a model, for Core and bulk statements."""
    return cast(Table, model.__table__)
