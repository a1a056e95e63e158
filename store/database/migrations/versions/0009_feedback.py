"""Add what servers collect: completions, their answers and ratings."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "collected",
        sa.Column("seq", ROW_ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("rated_at", sa.Double(), nullable=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.Column("problem_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_collected"),
        sa.UniqueConstraint("id", name="uq_collected_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_collected_status_rated_at_seq", "collected", ["status", "rated_at", "seq"])
    op.create_table(
        "collected_answers",
        sa.Column("collected_seq", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("choice", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("right_answer", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("rated_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["collected_seq"], ["collected.seq"], name="fk_collected_answers_collected_seq", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collected_seq", "choice", name="pk_collected_answers"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("collected_answers")
    op.drop_table("collected")
