"""Index the verdicts on support by iteration, so that the counts of one iteration read nothing but the index."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0004"
branch_labels = None
depends_on = None

JUDGED = sa.text("support IS NOT NULL AND iteration IS NOT NULL")


def upgrade() -> None:
    """Apply. The index is empty at first: earlier rollouts were not judged."""
    op.create_index(
        "ix_rollouts_support", "rollouts", ["iteration", "support"], sqlite_where=JUDGED, postgresql_where=JUDGED
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_rollouts_support", "rollouts")
