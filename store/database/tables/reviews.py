"""Tables of reviews by people: items in queues, leases on them, decisions, and what followed from these."""

from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import ReviewKind, ReviewQueue, ReviewReason, ReviewState, ReviewVerdict


class ReviewItemRow(Base):
    """A question to reviewers. `subject` is the id of a rollout or of a review of a label.

    `decided` and `needed` repeat what the decisions say; whoever writes a decision holds the item's row lock.
    """

    __tablename__ = "review_items"
    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        Index("ix_review_items_by_value", "state", "queue", "value", "id"),
        Index("ix_review_items_by_disagreement", "state", "queue", "disagreement", "id"),
        Index("ix_review_items_by_doubt", "state", "queue", "doubt", "id"),
        Index("ix_review_items_to_apply", "state", "applied_at", "settled_at"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    kind: Mapped[ReviewKind]
    subject: Mapped[str]
    queue: Mapped[ReviewQueue]
    reason: Mapped[ReviewReason]
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    rollout_seq: Mapped[int | None] = mapped_column(RowId, ForeignKey("rollouts.seq"), index=True)
    label_review_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("reviews.id"), index=True)
    disagreement: Mapped[float]
    doubt: Mapped[float]
    value: Mapped[float]
    state: Mapped[ReviewState]
    needed: Mapped[int]
    decided: Mapped[int]
    verdict: Mapped[ReviewVerdict | None]
    opened_at: Mapped[float]
    settled_at: Mapped[float | None]
    applied_at: Mapped[float | None]
    effect: Mapped[str | None]


class ReviewLeaseRow(Base):
    """A page on which a reviewer has an item before them. It occupies one of the item's slots until it expires."""

    __tablename__ = "review_leases"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    item_id: Mapped[int] = mapped_column(RowId, ForeignKey("review_items.id"), index=True)
    reviewer: Mapped[str]
    expires_at: Mapped[float] = mapped_column(index=True)


class ReviewDecisionRow(Base):
    """One decision, or the undoing of one. Rows are only ever added. `key` is what makes a repeated one known."""

    __tablename__ = "review_decisions"
    __table_args__ = (Index(None, "reviewer", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    item_id: Mapped[int] = mapped_column(RowId, ForeignKey("review_items.id"), index=True)
    reviewer: Mapped[str]
    verdict: Mapped[ReviewVerdict]
    note: Mapped[str]
    edit: Mapped[dict[str, Any] | None]
    undoes: Mapped[int | None] = mapped_column(RowId, ForeignKey("review_decisions.id"), unique=True)
    key: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    decided_at: Mapped[float]


class ReviewEditRow(Base):
    """The origin of a demonstration that a reviewer made from a rollout."""

    __tablename__ = "review_edits"

    decision_id: Mapped[int] = mapped_column(RowId, ForeignKey("review_decisions.id"), primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"), index=True)
    from_rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"), index=True)


class ExcludedSolutionRow(Base):
    """A solution that people rejected: no attempt that is the same has a place in a pool."""

    __tablename__ = "excluded_solutions"

    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), primary_key=True)
    sketch: Mapped[bytes] = mapped_column(primary_key=True)
    variant: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item_id: Mapped[int] = mapped_column(RowId, ForeignKey("review_items.id"), index=True)
