"""Tables of rollouts: assignments, rollouts, and the code blocks that they ran."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from store.database.tables.base import Base, RowId
from store.records import FaultKind, Outcome, Pool, Purpose, Support


class AssignmentRow(Base):
    """`samples` attempts at one problem, `done` of them in the store, for an iteration or an evaluation.

    Ids are never reused, not even that of a deleted last row: rollout ids contain them.
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
    pass_rate: Mapped[float | None]  # of the problem, as the schedule estimated it
    weight: Mapped[float | None]  # with which the schedule chose the problem
    owner: Mapped[str | None] = mapped_column(index=True)
    lease_expires_at: Mapped[float | None]
    completed_at: Mapped[float | None]


class EngineBuildRow(Base):
    """The build of an engine that sampled rollouts, e.g. "vllm 0.32.0, bfloat16"."""

    __tablename__ = "engine_builds"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    build: Mapped[str] = mapped_column(unique=True)


class RolloutRow(Base):
    """One attempt. Token ids, mask, spans and segments are packed by `store.rollouts.packing`.

    `iteration` repeats the assignment's value, and the policy versions repeat those of the spans, for queries.
    `sketch` and `variant` are equal for attempts at a problem with the same solution (see `store.solutions.solution`):
    `variant` numbers, from 0, the distinct solutions of a problem that share a sketch.

    `pool` and `place` are set for rollouts that can be trained on: the first rollout of each solution is the `place`-th
    (from 1, without gaps) of its problem's pool. Duplicates, evaluations and rollouts that do not count have neither.
    So selecting a few rollouts per problem looks up places in an index and reads nothing else.
    """

    __tablename__ = "rollouts"
    __table_args__ = (
        Index(None, "purpose", "outcome"),
        # Covers deduplication, which then reads only the index even for a thousand copies.
        Index("ix_rollouts_sketches", "problem_id", "sketch", "variant", "pool", postgresql_include=["seq"]),
        # Covers selection, which then reads only the index.
        Index(
            "ix_rollouts_pools",
            "problem_id",
            "pool",
            "place",
            "policy_version",
            "prompt_tokens",
            "tokens",
            "support",
            postgresql_include=["seq"],  # part of every index in SQLite
            sqlite_where=text("place IS NOT NULL"),
            postgresql_where=text("place IS NOT NULL"),
        ),
        # Covers the counts of an iteration by support.
        Index(
            "ix_rollouts_support",
            "iteration",
            "support",
            sqlite_where=text("support IS NOT NULL AND iteration IS NOT NULL"),
            postgresql_where=text("support IS NOT NULL AND iteration IS NOT NULL"),
        ),
        # Covers browsing, which reads it from the newest rollout back. Writers only append to it.
        Index("ix_rollouts_newest", "seq", "purpose", "outcome", "policy_version", "iteration", "problem_id"),
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
    fault: Mapped[FaultKind | None]
    support: Mapped[Support | None]
    support_rule: Mapped[str | None] = mapped_column(String(32))
    solution_format: Mapped[str] = mapped_column(String(32))
    answer: Mapped[str | None]
    sketch: Mapped[bytes]
    variant: Mapped[int]
    pool: Mapped[Pool | None]
    place: Mapped[int | None]
    seed: Mapped[int | None] = mapped_column(BigInteger)
    policy_version: Mapped[int | None]  # of the last span: the newest policy that wrote a part of it
    first_policy_version: Mapped[int | None]
    lag: Mapped[int | None]  # iterations between its oldest policy and the one that its iteration trains further
    prompt_tokens: Mapped[int]
    tokens: Mapped[int]  # after the prompt
    prompt_ids: Mapped[bytes]
    token_ids: Mapped[bytes]
    model_mask: Mapped[bytes]
    spans: Mapped[bytes]
    segments: Mapped[bytes]
    logprobs: Mapped[bytes | None]  # of the policy's tokens, as they were sampled
    temperature: Mapped[float | None]
    top_p: Mapped[float | None]
    engine_id: Mapped[int | None] = mapped_column(RowId)  # of `engine_builds`; no foreign key, to spare the check
    seconds: Mapped[float]
    generate_s: Mapped[float | None]  # parts of `seconds`; the rest is waiting for slots and retries
    execute_s: Mapped[float | None]
    check_s: Mapped[float | None]
    created_at: Mapped[float]


class ExecutionRow(Base):
    """One code block of a rollout. `body` contains source, stdout, stderr and value, packed."""

    __tablename__ = "executions"
    __table_args__ = (UniqueConstraint("rollout_seq", "position"),)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"))
    position: Mapped[int]
    status: Mapped[str] = mapped_column(String(32), index=True)
    seconds: Mapped[float]
    body: Mapped[bytes]
