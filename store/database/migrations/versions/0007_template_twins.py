"""Index the templates of held-out problems, and store which exclusions are template twins."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. Earlier problems, imports and exclusions have NULL; the next import fills the index."""
    op.add_column("problems", sa.Column("template_twins", sa.Text(), nullable=True))
    op.add_column("imports", sa.Column("twins", sa.Integer(), nullable=True))
    op.add_column("left_out", sa.Column("kind", sa.String(16), nullable=True))
    op.create_table(
        "heldout_templates",
        sa.Column("band", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_heldout_templates_problem_id"),
        sa.PrimaryKeyConstraint("band", "problem_id", name="pk_heldout_templates"),
    )
    op.create_index("ix_heldout_templates_problem_id", "heldout_templates", ["problem_id"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("heldout_templates")
    for name, column in (("left_out", "kind"), ("imports", "twins"), ("problems", "template_twins")):
        op.drop_column(name, column)
