"""Add reviews by people: items, leases, decisions, edited solutions, and solutions that are excluded from training."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    _create_items()
    _create_decisions()
    op.create_table(
        "review_edits",
        sa.Column("decision_id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("rollout_seq", ROW_ID, nullable=False),
        sa.Column("from_rollout_seq", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["review_decisions.id"], name="fk_review_edits_decision_id"),
        sa.ForeignKeyConstraint(["rollout_seq"], ["rollouts.seq"], name="fk_review_edits_rollout_seq"),
        sa.ForeignKeyConstraint(["from_rollout_seq"], ["rollouts.seq"], name="fk_review_edits_from_rollout_seq"),
        sa.PrimaryKeyConstraint("decision_id", name="pk_review_edits"),
    )
    op.create_index("ix_review_edits_rollout_seq", "review_edits", ["rollout_seq"])
    op.create_index("ix_review_edits_from_rollout_seq", "review_edits", ["from_rollout_seq"])
    op.create_table(
        "excluded_solutions",
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("sketch", sa.LargeBinary(), nullable=False),
        sa.Column("variant", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_excluded_solutions_problem_id"),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"], name="fk_excluded_solutions_item_id"),
        sa.PrimaryKeyConstraint("problem_id", "sketch", "variant", name="pk_excluded_solutions"),
    )
    op.create_index("ix_excluded_solutions_item_id", "excluded_solutions", ["item_id"])


def _create_items() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("rollout_seq", ROW_ID, nullable=True),
        sa.Column("label_review_id", ROW_ID, nullable=True),
        sa.Column("disagreement", sa.Double(), nullable=False),
        sa.Column("doubt", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("needed", sa.Integer(), nullable=False),
        sa.Column("decided", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=True),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("settled_at", sa.Double(), nullable=True),
        sa.Column("applied_at", sa.Double(), nullable=True),
        sa.Column("effect", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_review_items_problem_id"),
        sa.ForeignKeyConstraint(["rollout_seq"], ["rollouts.seq"], name="fk_review_items_rollout_seq"),
        sa.ForeignKeyConstraint(["label_review_id"], ["reviews.id"], name="fk_review_items_label_review_id"),
        sa.PrimaryKeyConstraint("id", name="pk_review_items"),
        sa.UniqueConstraint("kind", "subject", name="uq_review_items_kind_subject"),
        sqlite_autoincrement=True,
    )
    for order in ("value", "disagreement", "doubt"):
        op.create_index(f"ix_review_items_by_{order}", "review_items", ["state", "queue", order, "id"])
    op.create_index("ix_review_items_to_apply", "review_items", ["state", "applied_at", "settled_at"])
    for column in ("problem_id", "rollout_seq", "label_review_id"):
        op.create_index(f"ix_review_items_{column}", "review_items", [column])
    op.create_table(
        "review_leases",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("item_id", ROW_ID, nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"], name="fk_review_leases_item_id"),
        sa.PrimaryKeyConstraint("token", name="pk_review_leases"),
    )
    op.create_index("ix_review_leases_item_id", "review_leases", ["item_id"])
    op.create_index("ix_review_leases_expires_at", "review_leases", ["expires_at"])


def _create_decisions() -> None:
    op.create_table(
        "review_decisions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("item_id", ROW_ID, nullable=False),
        sa.Column("reviewer", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edit", sa.JSON(), nullable=True),
        sa.Column("undoes", ROW_ID, nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["review_items.id"], name="fk_review_decisions_item_id"),
        sa.ForeignKeyConstraint(["undoes"], ["review_decisions.id"], name="fk_review_decisions_undoes"),
        sa.PrimaryKeyConstraint("id", name="pk_review_decisions"),
        sa.UniqueConstraint("undoes", name="uq_review_decisions_undoes"),
        sa.UniqueConstraint("key", name="uq_review_decisions_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_review_decisions_item_id", "review_decisions", ["item_id"])
    op.create_index("ix_review_decisions_reviewer_id", "review_decisions", ["reviewer", "id"])


def downgrade() -> None:
    """Undo."""
    for name in ("excluded_solutions", "review_edits", "review_decisions", "review_leases", "review_items"):
        op.drop_table(name)
