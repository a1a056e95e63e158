"""Add what derived problems were made of, by which method, and the families that they form."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Earlier problems are originals without relatives: NULL."""
    for column in ("parent_key", "made_by", "family_key"):
        op.add_column("problems", sa.Column(column, sa.Text(), nullable=True))
    op.create_index("ix_problems_family_key", "problems", ["family_key"])


def downgrade() -> None:
    """Undo. Earlier versions know no candidates: these are excluded."""
    op.execute("UPDATE problems SET split = 'excluded' WHERE split = 'candidate'")
    op.drop_index("ix_problems_family_key", "problems")
    for column in ("family_key", "made_by", "parent_key"):
        op.drop_column("problems", column)
