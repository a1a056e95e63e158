"""Add annotation by teachers: jobs, attempts, turns, the ledger of requests, and what was found about problems."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _create_jobs()
    _create_attempts()
    _create_turns()
    _create_requests()
    _create_questions()


def downgrade() -> None:
    """Undo."""
    for name in ("questions", "requests", "turns", "attempts", "jobs"):
        op.drop_table(f"annotation_{name}")


def _create_jobs() -> None:
    op.create_table(
        "annotation_jobs",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("owner_seen_at", sa.Double(), nullable=True),
        *(
            sa.Column(f"{kind}_{unit}", sa.BigInteger(), nullable=False)
            for kind in ("spent", "reserved")
            for unit in ("microusd", "tokens")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_jobs"),
        sa.UniqueConstraint("key", name="uq_annotation_jobs_key"),
        sqlite_autoincrement=True,
    )


def _create_attempts() -> None:
    op.create_table(
        "annotation_attempts",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("job_id", ROW_ID, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("sample", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("solution", sa.JSON(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.Column("spent_microusd", sa.BigInteger(), nullable=False),
        sa.Column("spent_tokens", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["annotation_jobs.id"], name="fk_annotation_attempts_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_attempts"),
        sqlite_autoincrement=True,
    )
    place = ["job_id", "problem_id", "sample"]
    op.create_index("uq_annotation_attempts_place", "annotation_attempts", place, unique=True)
    op.create_index("ix_annotation_attempts_outcome", "annotation_attempts", ["job_id", "outcome"])
    kept = sa.text("kept = 1")
    op.create_index(
        "ix_annotation_attempts_kept",
        "annotation_attempts",
        ["problem_id", "id"],
        sqlite_where=kept,
        postgresql_where=kept,
    )


def _create_turns() -> None:
    op.create_table(
        "annotation_turns",
        sa.Column("attempt_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("reply", sa.JSON(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=True),
        sa.Column("execution", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["attempt_id"], ["annotation_attempts.id"], name="fk_annotation_turns_attempt_id"),
        sa.PrimaryKeyConstraint("attempt_id", "number", name="pk_annotation_turns"),
    )


def _create_requests() -> None:
    op.create_table(
        "annotation_requests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", ROW_ID, nullable=False),
        sa.Column("attempt_id", ROW_ID, nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("batch", sa.Text(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("reserved_microusd", "reserved_tokens")),
        sa.Column("spent_microusd", sa.BigInteger(), nullable=False),
        *(sa.Column(f"{kind}_tokens", sa.BigInteger(), nullable=True) for kind in ("prompt", "cached", "completion")),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["annotation_jobs.id"], name="fk_annotation_requests_job_id"),
        sa.ForeignKeyConstraint(["attempt_id"], ["annotation_attempts.id"], name="fk_annotation_requests_attempt_id"),
        sa.PrimaryKeyConstraint("id", name="pk_annotation_requests"),
    )
    op.create_index("ix_annotation_requests_status", "annotation_requests", ["job_id", "status"])
    in_batch = sa.text("batch IS NOT NULL")
    op.create_index(
        "ix_annotation_requests_batch",
        "annotation_requests",
        ["batch"],
        sqlite_where=in_batch,
        postgresql_where=in_batch,
    )


def _create_questions() -> None:
    op.create_table(
        "annotation_questions",
        sa.Column("job_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("verified", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Text(), nullable=True),
        sa.Column("agreeing", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["annotation_jobs.id"], name="fk_annotation_questions_job_id"),
        sa.PrimaryKeyConstraint("job_id", "problem_id", name="pk_annotation_questions"),
    )
    op.create_index("ix_annotation_questions_verdict", "annotation_questions", ["job_id", "verdict", "problem_id"])
