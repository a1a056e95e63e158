"""Add what samplers, promotion, resumed trainings and rollouts keep in the store."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COLUMNS: tuple[tuple[str, str, sa.types.TypeEngine], ...] = (
    ("policies", "iteration", sa.Integer()),
    ("policies", "decision", sa.String(16)),
    ("policies", "assessment", sa.JSON()),
    ("policies", "pruned_at", sa.Double()),
    ("promotions", "reason", sa.Text()),
    ("evaluations", "extends", ROW_ID),  # no foreign key: SQLite would have to copy the table
    ("run_state", "target_iterations", sa.Integer()),
    ("run_state", "target_samplers", sa.Integer()),
    ("run_state", "activity", sa.Text()),
    ("run_state", "activity_since", sa.Double()),
    ("training_sets", "iteration", sa.Integer()),
    ("training_sets", "lag_tokens", sa.JSON()),
    ("assignments", "pass_rate", sa.Double()),
    ("assignments", "weight", sa.Double()),
    ("problems", "last_iteration", sa.Integer()),
    ("rollouts", "lag", sa.Integer()),
    ("rollouts", "logprobs", sa.LargeBinary()),
    ("rollouts", "temperature", sa.Double()),
    ("rollouts", "top_p", sa.Double()),
    ("rollouts", "engine_id", ROW_ID),
    ("rollouts", "generate_s", sa.Double()),
    ("rollouts", "execute_s", sa.Double()),
    ("rollouts", "check_s", sa.Double()),
)

# What the rule by difficulty counts, beside the counters that there are.
COUNTERS: tuple[tuple[str, sa.types.TypeEngine], ...] = (
    ("judged_tokens", sa.BigInteger()),
    ("stale_judged", sa.BigInteger()),
    ("stale_accepted", sa.BigInteger()),
)
JUDGED_TOKENS = """
UPDATE problems SET judged_tokens = counted.tokens FROM (
    SELECT problem_id, sum(tokens) AS tokens FROM rollouts
    WHERE purpose = 'train' AND outcome NOT IN ('undecided', 'unverifiable', 'fault') GROUP BY problem_id
) AS counted WHERE counted.problem_id = problems.id
"""

# Policies without a phase are those of the earliest versions, which were trained in iterations as well.
NO_ITERATION = "UPDATE policies SET iteration = 0 WHERE parent IS NULL OR {phase} = 'warm_start'"
# An iteration's metrics name the policy that it published.
OF_ITERATION = """
UPDATE policies SET iteration = (
    SELECT iterations.number FROM iterations
    WHERE CAST({published} AS INTEGER) = policies.version
) WHERE iteration IS NULL
"""
# One that an open iteration published: its driver died before it closed the iteration.
OF_OPEN_ITERATION = """
UPDATE policies SET iteration = (
    SELECT MIN(iterations.number) FROM iterations
    WHERE iterations.closed_at IS NULL AND iterations.policy_version < policies.version
) WHERE iteration IS NULL
"""
PROMOTED = """
UPDATE policies SET decision = 'promoted' WHERE version IN (SELECT policy_version FROM promotions)
"""
KEPT_BACK = """
UPDATE policies SET decision = 'not_promoted' WHERE decision IS NULL AND iteration IN (
    SELECT number FROM iterations WHERE closed_at IS NOT NULL
) AND iteration > 0
"""


def upgrade() -> None:
    """Apply. Earlier rollouts have NULL for what was not kept of them."""
    op.create_table(
        "engine_builds",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("build", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_engine_builds"),
        sa.UniqueConstraint("build", name="uq_engine_builds_build"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "samplers",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("reported_at", sa.Double(), nullable=False),
        sa.Column("progress_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_samplers"),
    )
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    for name, kind in COUNTERS:
        op.add_column("problems", sa.Column(name, kind, nullable=False, server_default="0"))
    op.execute(JUDGED_TOKENS)
    if op.get_bind().dialect.name == "postgresql":
        phase, published = "config->>'phase'", "iterations.metrics->>'policy_version'"
    else:
        phase = "json_extract(config, '$.phase')"
        published = "json_extract(iterations.metrics, '$.policy_version')"
    for statement in (NO_ITERATION, OF_ITERATION, OF_OPEN_ITERATION, PROMOTED, KEPT_BACK):
        op.execute(statement.format(phase=phase, published=published))


def downgrade() -> None:
    """Undo."""
    for name, _ in reversed(COUNTERS):
        op.drop_column("problems", name)
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
    op.drop_table("samplers")
    op.drop_table("engine_builds")
