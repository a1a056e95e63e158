"""Tables of training sets: which rollouts trained which policy, in order."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId


class TrainingSetRow(Base):
    """A snapshot of what one training run is given. `policy_version` is the version that it is to make."""

    __tablename__ = "training_sets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(index=True)
    settings: Mapped[dict[str, Any]]
    size: Mapped[int]
    created_at: Mapped[float]


class TrainingSetRolloutRow(Base):
    """What a training set holds, in order; a demonstration that is repeated stands at several positions.

    Without foreign keys: to check one, PostgreSQL locks each rollout, which writes to its page, and those of a choice
    lie all over the table. Who chooses and who takes rollouts away exclude each other instead (`store.database.locks`).
    """

    __tablename__ = "training_set_rollouts"

    training_set_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, index=True)
