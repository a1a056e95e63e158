"""Index the verdicts on support: by iteration for counts, and in the index of pools for selection."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JUDGED = sa.text("support IS NOT NULL AND iteration IS NOT NULL")
PLACED = sa.text("place IS NOT NULL")
POOLS = ("problem_id", "pool", "place", "policy_version", "prompt_tokens", "tokens")


def upgrade() -> None:
    """Apply. Rebuilds an index, which reads every rollout once."""
    op.create_index(
        "ix_rollouts_support", "rollouts", ["iteration", "support"], sqlite_where=JUDGED, postgresql_where=JUDGED
    )
    _index_pools(*POOLS, "support")


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_rollouts_support", "rollouts")
    _index_pools(*POOLS)


def _index_pools(*columns: str) -> None:
    op.drop_index("ix_rollouts_pools", "rollouts")
    op.create_index(
        "ix_rollouts_pools",
        "rollouts",
        list(columns),
        sqlite_where=PLACED,
        postgresql_where=PLACED,
        postgresql_include=["seq"],
    )
