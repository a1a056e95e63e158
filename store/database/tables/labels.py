"""Tables of labels: their history, reviews of proposed corrections, and the outcomes that corrections changed."""

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import Outcome, ReviewStatus


class LabelChangeRow(Base):
    """One change of a problem's label, with the answer that was replaced."""

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
    """A proposed correction of a label, with its evidence and the decision.

    `label` is the problem's answer at the time of the proposal; `score` is the probability, from 0 to 1, that it is
    wrong.
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
    """A change of a rollout's outcome, made when the label of its problem was corrected."""

    __tablename__ = "outcome_changes"

    review_id: Mapped[int] = mapped_column(RowId, ForeignKey("reviews.id"), primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"), primary_key=True, index=True)
    old_outcome: Mapped[Outcome]
    new_outcome: Mapped[Outcome]
