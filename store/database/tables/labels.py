"""Tables of labels: their history, reviews of proposed corrections, and the outcomes that those changed."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import Outcome, ReviewStatus


class LabelChangeRow(Base):
    """The history of a problem's answer: each change with the answer that was replaced."""

    __tablename__ = "label_changes"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    review_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("reviews.id"), index=True)
    old_answer: Mapped[str]
    new_answer: Mapped[str]
    changed_by: Mapped[str]
    reason: Mapped[str]
    changed_at: Mapped[float]


class ReviewRow(Base):
    """A proposal that a label is wrong, with its evidence, and what was decided.

    `label` is the answer that the problem had when it was proposed; `score` says how sure the proposal is, from 0 to 1.
    """

    __tablename__ = "reviews"
    __table_args__ = (Index(None, "status", "score"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    status: Mapped[ReviewStatus]
    label: Mapped[str]
    proposed_answer: Mapped[str]
    score: Mapped[float]
    evidence: Mapped[dict[str, Any]]
    proposed_by: Mapped[str]
    proposed_at: Mapped[float]
    decided_by: Mapped[str | None]
    reason: Mapped[str | None]
    decided_at: Mapped[float | None]


class OutcomeChangeRow(Base):
    """A rollout that was judged again when the label of its problem was corrected."""

    __tablename__ = "outcome_changes"

    review_id: Mapped[int] = mapped_column(RowId, ForeignKey("reviews.id"), primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"), primary_key=True, index=True)
    old_outcome: Mapped[Outcome]
    new_outcome: Mapped[Outcome]
