"""Tables of rollouts: the assignments they fulfil, the attempts, and the code blocks they ran."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import Outcome, Pool, Purpose


class AssignmentRow(Base):
    """`samples` attempts at one problem, `done` of them in the store. Belongs to an iteration or to an evaluation.

    Ids are never used again, even after the last row is deleted: rollout ids are made of them.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        CheckConstraint("(iteration IS NULL) <> (evaluation_id IS NULL)", name="one_reason"),
        CheckConstraint("done <= samples", name="done_within_samples"),
        Index(
            "ix_assignments_open",
            "purpose",
            "id",
            sqlite_where=text("completed_at IS NULL"),
            postgresql_where=text("completed_at IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    purpose: Mapped[Purpose]
    iteration: Mapped[int | None] = mapped_column(ForeignKey("iterations.number"), index=True)
    evaluation_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("evaluations.id"), index=True)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    samples: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    temperature: Mapped[float]
    top_p: Mapped[float]
    owner: Mapped[str | None] = mapped_column(index=True)
    lease_expires_at: Mapped[float | None]
    completed_at: Mapped[float | None]


class RolloutRow(Base):
    """One attempt. Token ids, mask, spans and segments are packed by `store.rollouts.packing`.

    `iteration` repeats the assignment's, and the policy versions repeat the spans', for queries.
    `sketch` and `variant` are equal for attempts at a problem that are the same solution (`store.rollouts.solutions`): `variant`
    counts, from 0, the solutions of a problem that have one sketch.

    `pool` and `place` say what may be trained on: the first of each solution is the `place`-th, from 1 and without
    gaps, of its problem's pool. The others (duplicates, faults, evaluations) have neither. So a choice of so many a
    problem looks up places in an index, and reads nothing that it does not choose.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        Index(None, "purpose", "outcome"),
        # With what tells solutions apart, so that of a thousand copies it reads the index alone.
        Index("ix_rollouts_sketches", "problem_id", "sketch", "variant", "pool", postgresql_include=["seq"]),
        # With what selection reads, so that it reads the index alone.
        Index(
            "ix_rollouts_pools",
            "problem_id",
            "pool",
            "place",
            "policy_version",
            "prompt_tokens",
            "tokens",
            postgresql_include=["seq"],  # SQLite has it in every index
            sqlite_where=text("place IS NOT NULL"),
            postgresql_where=text("place IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(RowId, primary_key=True)
    id: Mapped[str] = mapped_column(unique=True)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"))
    assignment_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("assignments.id"), index=True)
    sample_index: Mapped[int | None]
    iteration: Mapped[int | None] = mapped_column(index=True)
    purpose: Mapped[Purpose]
    outcome: Mapped[Outcome]
    solution_format: Mapped[str] = mapped_column(String(32))
    answer: Mapped[str | None]
    sketch: Mapped[bytes]
    variant: Mapped[int]
    pool: Mapped[Pool | None]
    place: Mapped[int | None]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    policy_version: Mapped[int | None]  # of the last span: the newest that wrote in it
    first_policy_version: Mapped[int | None]
    prompt_tokens: Mapped[int]
    tokens: Mapped[int]  # after the prompt
    prompt_ids: Mapped[bytes]
    token_ids: Mapped[bytes]
    model_mask: Mapped[bytes]
    spans: Mapped[bytes]
    segments: Mapped[bytes]
    seconds: Mapped[float]
    created_at: Mapped[float]


class ExecutionRow(Base):
    """One code block of a rollout. `body` packs source, stdout, stderr and value."""

    __tablename__ = "executions"
    __table_args__ = (UniqueConstraint("rollout_seq", "position"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"))
    position: Mapped[int]
    status: Mapped[str] = mapped_column(String(32), index=True)
    seconds: Mapped[float]
    body: Mapped[bytes]
