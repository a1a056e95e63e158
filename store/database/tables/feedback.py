"""Tables of feedback: completions that a server collected, with their answers and ratings."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import ReviewStatus


class CollectedRow(Base):
    """A completion. `request` has the messages and the sampling parameters; `rated_at` is the time of its last rating.

    `problem_id` has no foreign key: problems do not depend on what they came from.
    """

    __tablename__ = "collected"
    __table_args__ = (Index(None, "status", "rated_at", "seq"), {"sqlite_autoincrement": True})

    seq: Mapped[int] = mapped_column(RowId, primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    model: Mapped[str]
    request: Mapped[dict[str, Any]]
    created_at: Mapped[float]
    rated_at: Mapped[float | None]
    status: Mapped[ReviewStatus]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]
    decided_at: Mapped[float | None]
    problem_id: Mapped[str | None]


class CollectedAnswerRow(Base):
    """A choice of a completion, and its rating: 1 or -1."""

    __tablename__ = "collected_answers"

    collected_seq: Mapped[int] = mapped_column(
        RowId, ForeignKey("collected.seq", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    choice: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str]
    answer: Mapped[str | None]
    finish_reason: Mapped[str]
    policy_version: Mapped[int | None]
    rating: Mapped[int | None]
    right_answer: Mapped[str | None]
    comment: Mapped[str | None]
    rated_at: Mapped[float | None]
