"""Tables of value models: the models themselves, and the scores that they gave to rollouts."""

from typing import Any

from sqlalchemy import Double, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId


class ValueModelRow(Base):
    """A value model, from the begin of its training on; `path`, `checksum` and `metrics` once it is published."""

    __tablename__ = "value_models"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))  # that it began as
    training_set_id: Mapped[int] = mapped_column(RowId, ForeignKey("training_sets.id"))
    settings: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    path: Mapped[str | None]
    checksum: Mapped[str | None]
    created_at: Mapped[float]
    published_at: Mapped[float | None]


class ValueScoreRow(Base):
    """The score of a rollout. No foreign keys, for the reasons of `training_set_rollouts`."""

    __tablename__ = "value_scores"
    __table_args__ = ({"sqlite_with_rowid": False},)

    rollout_seq: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    value_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    score: Mapped[float] = mapped_column(Double)
