"""Index rollouts from the newest back, with the columns that browsing filters by."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = ("seq", "purpose", "outcome", "policy_version", "iteration", "problem_id")


def upgrade() -> None:
    """Apply. Reads every rollout once."""
    op.create_index("ix_rollouts_newest", "rollouts", list(COLUMNS))


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_rollouts_newest", "rollouts")
