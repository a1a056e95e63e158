"""Store the errors of an evaluation's figures, and what they lack: samples, verdicts, readable references."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = (
    ("evaluations", "undecided", sa.Integer),
    ("evaluations", "unverifiable", sa.Integer),
    ("evaluation_metrics", "n", sa.Integer),
    ("evaluation_metrics", "standard_error", sa.Double),
    ("evaluation_metrics", "low", sa.Double),
    ("evaluation_metrics", "high", sa.Double),
    ("evaluation_metrics", "missing", sa.Integer),
)


def upgrade() -> None:
    """Apply. Earlier figures have NULL in all columns: they are over the `n` of their evaluation."""
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind(), nullable=True))


def downgrade() -> None:
    """Undo."""
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
