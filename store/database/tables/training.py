"""Tables of training sets: which rollouts trained which policy, and in which order."""

from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId


class TrainingSetRow(Base):
    """The training set of one training run. `policy_version` is the version that the run produces."""

    __tablename__ = "training_sets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(index=True)
    iteration: Mapped[int | None]  # that it closes; 0 is the warm start
    lag_tokens: Mapped[dict[str, Any] | None]  # tokens of attempts by the lag of their policy, in published policies
    settings: Mapped[dict[str, Any]]
    size: Mapped[int]
    created_at: Mapped[float]


class TrainingSetRolloutRow(Base):
    """One position of a training set. A demonstration that is repeated is at several positions.

    There are no foreign keys: to check them, PostgreSQL would lock each rollout, which writes to its page, and a
    selection is spread over the whole table. An advisory lock keeps selection and pruning apart instead
    (`store.database.locks`).
    """

    __tablename__ = "training_set_rollouts"

    training_set_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, index=True)
