"""The tables. Rows stay in this package; what leaves it are the records of `store.records`.

Times are Unix seconds, as floats, by the clock the store was opened with.
"""

from enum import StrEnum
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from store.records import Outcome, Pool, Purpose, ReviewStatus, Split

SCHEMA_REVISION = "0003"
"""The newest migration. Compared at every opening, so that Alembic is only imported when there is something to do."""

# SQLite numbers rows by itself only where the type is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


def _text_enum(members: type[StrEnum]) -> Enum:
    """The values as text. No CHECK constraint, so that a new member needs no migration."""
    return Enum(members, native_enum=False, length=16, values_callable=lambda e: [member.value for member in e])


class Base(DeclarativeBase):
    """Constraint names are fixed by rule: a later migration can drop what it can name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this from the class
        Split: _text_enum(Split),
        Purpose: _text_enum(Purpose),
        Outcome: _text_enum(Outcome),
        Pool: _text_enum(Pool),
        ReviewStatus: _text_enum(ReviewStatus),
        str: Text(),
        bytes: LargeBinary(),
        dict[str, Any]: JSON(),
    }


class ProblemRow(Base):
    """A question, its label, and the counters that scheduling and selection read instead of the rollouts.

    `shuffle_key` is a hash of the id in [0, 2**31 - 1): orders by it are random and the same in every database. No
    counter that writers of rollouts touch is in an index: PostgreSQL then updates the row in its place (HOT).
    """

    __tablename__ = "problems"
    __table_args__ = (Index(None, "split", "attempts"), Index(None, "split", "shuffle_key"))

    id: Mapped[str] = mapped_column(primary_key=True)
    question: Mapped[str]
    answer: Mapped[str]
    source: Mapped[str]
    split: Mapped[Split]
    split_key: Mapped[str] = mapped_column(unique=True)
    subject: Mapped[str | None]
    level: Mapped[str | None]
    shuffle_key: Mapped[int]
    attempts: Mapped[int] = mapped_column(default=0)  # training samples ever scheduled
    judged: Mapped[int] = mapped_column(default=0)  # training rollouts written, faults of ours left out
    accepted: Mapped[int] = mapped_column(default=0)  # those of them that were accepted
    solutions: Mapped[int] = mapped_column(default=0)  # the size of each pool
    mistakes: Mapped[int] = mapped_column(default=0)
    demonstrations: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)  # rollouts that say what an earlier one in a pool says


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


class ImportRow(Base):
    """One import that was done: what was read, and what became of it."""

    __tablename__ = "imports"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str]
    read: Mapped[int]
    added: Mapped[int]
    known: Mapped[int]  # in the store already, or twice in the import
    left_out: Mapped[int]
    imported_at: Mapped[float]


class LeftOutRow(Base):
    """A problem that an import left out, because it equals or nearly equals a held-out one."""

    __tablename__ = "left_out"

    split_key: Mapped[str] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(RowId, ForeignKey("imports.id"), index=True)
    source: Mapped[str]
    question: Mapped[str]
    answer: Mapped[str]
    heldout_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), index=True)
    likeness: Mapped[float]  # of the questions: 1 for the same words


class HeldOutBandRow(Base):
    """The index by which an import finds held-out problems that are like a new one; see `store.likeness`."""

    __tablename__ = "heldout_bands"

    band: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    problem_id: Mapped[str] = mapped_column(ForeignKey("problems.id"), primary_key=True, index=True)


class TrainingSetRow(Base):
    """A snapshot of what one training run is given. `policy_version` is the version that it is to make."""

    __tablename__ = "training_sets"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(index=True)
    settings: Mapped[dict[str, Any]]
    size: Mapped[int]
    created_at: Mapped[float]


class PolicyRow(Base):
    """A published checkpoint."""

    __tablename__ = "policies"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(ForeignKey("policies.version"))
    path: Mapped[str]
    training_set_id: Mapped[int | None] = mapped_column(RowId, ForeignKey("training_sets.id"), index=True)
    config: Mapped[dict[str, Any]]  # of the training run that made it
    metrics: Mapped[dict[str, Any]]
    checksum: Mapped[str | None]  # of what stands at `path`
    created_at: Mapped[float]


class PromotionRow(Base):
    """The history of promotions; the last one is what is served."""

    __tablename__ = "promotions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"), index=True)
    promoted_at: Mapped[float]


class IterationRow(Base):
    """The span between two publications."""

    __tablename__ = "iterations"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    config: Mapped[dict[str, Any]]
    metrics: Mapped[dict[str, Any]]
    opened_at: Mapped[float]
    closed_at: Mapped[float | None]


class EvaluationRow(Base):
    """One policy on one benchmark with one way of sampling. `problems_key` is a hash of the problems' ids."""

    __tablename__ = "evaluations"
    __table_args__ = (
        UniqueConstraint(
            "policy_version",
            "benchmark",
            "temperature",
            "top_p",
            "samples",
            "problems_key",
            name="uq_evaluations_what",
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    policy_version: Mapped[int] = mapped_column(ForeignKey("policies.version"))
    benchmark: Mapped[str]
    temperature: Mapped[float]
    top_p: Mapped[float]
    samples: Mapped[int]
    problems_key: Mapped[str] = mapped_column(String(32))
    n: Mapped[int | None]
    created_at: Mapped[float]
    finished_at: Mapped[float | None]


class EvaluationMetricRow(Base):
    """One figure of a finished evaluation."""

    __tablename__ = "evaluation_metrics"

    evaluation_id: Mapped[int] = mapped_column(RowId, ForeignKey("evaluations.id"), primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[float]


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
    """One attempt. Token ids, mask, spans and segments are packed by `store.packing`.

    `iteration` repeats the assignment's, and the policy versions repeat the spans', for queries.
    `sketch` and `variant` are equal for attempts at a problem that are the same solution (`store.solutions`): `variant`
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


class OutcomeChangeRow(Base):
    """A rollout that was judged again when the label of its problem was corrected."""

    __tablename__ = "outcome_changes"

    review_id: Mapped[int] = mapped_column(RowId, ForeignKey("reviews.id"), primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, ForeignKey("rollouts.seq"), primary_key=True, index=True)
    old_outcome: Mapped[Outcome]
    new_outcome: Mapped[Outcome]


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


class TrainingSetRolloutRow(Base):
    """What a training set holds, in order; a demonstration that is repeated stands at several positions.

    Without foreign keys: to check one, PostgreSQL locks each rollout, which writes to its page, and those of a choice
    lie all over the table. Who chooses and who takes rollouts away exclude each other instead (`store.locks`).
    """

    __tablename__ = "training_set_rollouts"

    training_set_id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True)
    rollout_seq: Mapped[int] = mapped_column(RowId, index=True)


class RunStateRow(Base):
    """One row: what the run should do, what it does, and where it can go on from."""

    __tablename__ = "run_state"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    desired: Mapped[str] = mapped_column(String(16))
    actual: Mapped[str] = mapped_column(String(16))
    iteration: Mapped[int | None]
    checkpoint: Mapped[str | None]
    heartbeat_at: Mapped[float | None]
    last_version: Mapped[int]  # the highest policy version ever handed out


def table(model: type[Base]) -> Table:
    """The table of a model, for statements on many rows."""
    return cast(Table, model.__table__)
