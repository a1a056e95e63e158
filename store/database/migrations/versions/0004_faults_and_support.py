"""Store the kind of fault that ended a rollout, and whether the answer of an accepted one is supported by its code."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (("fault", 16), ("support", 16), ("support_rule", 32))


def upgrade() -> None:
    """Apply. Earlier rollouts have NULL in all three: their faults have no kind, and their support was not judged."""
    for name, length in COLUMNS:
        op.add_column("rollouts", sa.Column(name, sa.String(length), nullable=True))


def downgrade() -> None:
    """Undo."""
    for name, _ in reversed(COLUMNS):
        op.drop_column("rollouts", name)
