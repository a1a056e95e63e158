"""Add value models, and the scores that they give to rollouts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "value_models",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("training_set_id", ROW_ID, nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("checksum", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("published_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["policy_version"], ["policies.version"], name="fk_value_models_policy_version"),
        sa.ForeignKeyConstraint(["training_set_id"], ["training_sets.id"], name="fk_value_models_training_set_id"),
        sa.PrimaryKeyConstraint("version", name="pk_value_models"),
    )
    op.create_table(
        "value_scores",
        sa.Column("rollout_seq", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("value_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("rollout_seq", "value_version", name="pk_value_scores"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("value_scores")
    op.drop_table("value_models")
