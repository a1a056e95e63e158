"""Tables of annotation: jobs of teachers, their attempts and turns, the ledger of requests, and what came of it.

`problem_id` has no foreign key: what was paid for stays, whatever becomes of the problem.
"""

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import Outcome


class AnnotationJobRow(Base):
    """A teacher with its prompt and parameters, of which `key` is a hash; the process that is at work; and its budget.

    `spent` and `reserved` are the sums of the ledger, kept here so that a reservation is one UPDATE.
    """

    __tablename__ = "annotation_jobs"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    model: Mapped[str]
    settings: Mapped[dict[str, Any]]
    created_at: Mapped[float]
    owner: Mapped[str | None]
    owner_seen_at: Mapped[float | None]
    spent_microusd: Mapped[int] = mapped_column(BigInteger, default=0)
    spent_tokens: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_microusd: Mapped[int] = mapped_column(BigInteger, default=0)
    reserved_tokens: Mapped[int] = mapped_column(BigInteger, default=0)


class AnnotationAttemptRow(Base):
    """One attempt of a job at a problem. `failure` is why it could not go on, while it has no outcome."""

    __tablename__ = "annotation_attempts"
    __table_args__ = (
        Index("uq_annotation_attempts_place", "job_id", "problem_id", "sample", unique=True),
        Index("ix_annotation_attempts_outcome", "job_id", "outcome"),
        Index(
            "ix_annotation_attempts_kept",
            "problem_id",
            "id",
            sqlite_where=text("kept = 1"),
            postgresql_where=text("kept = 1"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    job_id: Mapped[int] = mapped_column(RowId, ForeignKey("annotation_jobs.id"))
    problem_id: Mapped[str]
    sample: Mapped[int]
    temperature: Mapped[float]
    outcome: Mapped[Outcome | None]
    answer: Mapped[str | None]
    kept: Mapped[int] = mapped_column(default=0)  # 1: verified, and unlike those kept before
    solution: Mapped[dict[str, Any] | None]  # of a verified attempt
    failure: Mapped[str | None]
    finished_at: Mapped[float | None]
    spent_microusd: Mapped[int] = mapped_column(BigInteger, default=0)
    spent_tokens: Mapped[int] = mapped_column(BigInteger, default=0)


class AnnotationTurnRow(Base):
    """An answer of a teacher, stored before the next request is sent, and what was shown to the teacher in return."""

    __tablename__ = "annotation_turns"

    attempt_id: Mapped[int] = mapped_column(
        RowId, ForeignKey("annotation_attempts.id"), primary_key=True, autoincrement=False
    )
    number: Mapped[int] = mapped_column(primary_key=True)
    request_id: Mapped[str]
    reply: Mapped[dict[str, Any]]
    shown: Mapped[str | None]
    execution: Mapped[dict[str, Any] | None]
    created_at: Mapped[float]


class AnnotationRequestRow(Base):
    """The ledger: a request to a teacher, written before it is sent. `reserved` is the most that it can cost."""

    __tablename__ = "annotation_requests"
    __table_args__ = (
        Index("ix_annotation_requests_status", "job_id", "status"),
        Index(
            "ix_annotation_requests_batch",
            "batch",
            sqlite_where=text("batch IS NOT NULL"),
            postgresql_where=text("batch IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(RowId, ForeignKey("annotation_jobs.id"))
    attempt_id: Mapped[int] = mapped_column(RowId, ForeignKey("annotation_attempts.id"))
    turn: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))  # of `store.records.RequestStatus`
    batch: Mapped[str | None]
    reserved_microusd: Mapped[int] = mapped_column(BigInteger)
    reserved_tokens: Mapped[int] = mapped_column(BigInteger)
    spent_microusd: Mapped[int] = mapped_column(BigInteger, default=0)
    prompt_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cached_tokens: Mapped[int | None] = mapped_column(BigInteger)
    completion_tokens: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str | None]  # of a request without an answer
    sent_at: Mapped[float]
    ended_at: Mapped[float | None]


class AnnotationQuestionRow(Base):
    """What a job found about a problem, once all its attempts have ended."""

    __tablename__ = "annotation_questions"
    __table_args__ = (Index("ix_annotation_questions_verdict", "job_id", "verdict", "problem_id"),)

    job_id: Mapped[int] = mapped_column(RowId, ForeignKey("annotation_jobs.id"), primary_key=True, autoincrement=False)
    problem_id: Mapped[str] = mapped_column(primary_key=True)
    verdict: Mapped[str] = mapped_column(String(16))  # of `store.records.QuestionVerdict`
    verified: Mapped[int]
    proposed: Mapped[str | None]
    agreeing: Mapped[int]
