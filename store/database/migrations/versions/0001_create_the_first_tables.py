"""Create the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite generates row ids only if the type is exactly INTEGER.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "problems",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("split", sa.Enum("train", "heldout", name="split", native_enum=False, length=16), nullable=False),
        sa.Column("split_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("level", sa.Text(), nullable=True),
        sa.Column("shuffle_key", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_problems"),
        sa.UniqueConstraint("split_key", name="uq_problems_split_key"),
    )
    op.create_index("ix_problems_split_attempts", "problems", ["split", "attempts"])
    op.create_index("ix_problems_split_shuffle_key", "problems", ["split", "shuffle_key"])

    op.create_table(
        "run_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("desired", sa.String(length=16), nullable=False),
        sa.Column("actual", sa.String(length=16), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("checkpoint", sa.Text(), nullable=True),
        sa.Column("heartbeat_at", sa.Double(), nullable=True),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_run_state_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_run_state"),
    )
    op.create_table(
        "training_sets",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_training_sets"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_training_sets_policy_version", "training_sets", ["policy_version"])

    op.create_table(
        "policies",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parent", sa.Integer(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("training_set_id", ROW_ID, nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["parent"], ["policies.version"], name="fk_policies_parent"),
        sa.ForeignKeyConstraint(["training_set_id"], ["training_sets.id"], name="fk_policies_training_set_id"),
        sa.PrimaryKeyConstraint("version", name="pk_policies"),
    )
    op.create_index("ix_policies_training_set_id", "policies", ["training_set_id"])

    op.create_table(
        "evaluations",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("benchmark", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("top_p", sa.Double(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["policy_version"], ["policies.version"], name="fk_evaluations_policy_version"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluations"),
        sa.UniqueConstraint(
            "policy_version", "benchmark", "temperature", "top_p", "samples", name="uq_evaluations_what"
        ),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "iterations",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("config", sa.JSON(), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("opened_at", sa.Double(), nullable=False),
        sa.Column("closed_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["policy_version"], ["policies.version"], name="fk_iterations_policy_version"),
        sa.PrimaryKeyConstraint("number", name="pk_iterations"),
    )
    op.create_table(
        "promotions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("promoted_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["policy_version"], ["policies.version"], name="fk_promotions_policy_version"),
        sa.PrimaryKeyConstraint("id", name="pk_promotions"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_promotions_policy_version", "promotions", ["policy_version"])

    op.create_table(
        "assignments",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column(
            "purpose",
            sa.Enum("train", "eval", "demonstration", name="purpose", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("evaluation_id", ROW_ID, nullable=True),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Double(), nullable=False),
        sa.Column("top_p", sa.Double(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_expires_at", sa.Double(), nullable=True),
        sa.Column("completed_at", sa.Double(), nullable=True),
        sa.CheckConstraint("(iteration IS NULL) <> (evaluation_id IS NULL)", name=op.f("ck_assignments_one_reason")),
        sa.CheckConstraint("done <= samples", name=op.f("ck_assignments_done_within_samples")),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name="fk_assignments_evaluation_id"),
        sa.ForeignKeyConstraint(["iteration"], ["iterations.number"], name="fk_assignments_iteration"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_assignments_problem_id"),
        sa.PrimaryKeyConstraint("id", name="pk_assignments"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_assignments_evaluation_id", "assignments", ["evaluation_id"])
    op.create_index("ix_assignments_iteration", "assignments", ["iteration"])
    op.create_index(
        "ix_assignments_open",
        "assignments",
        ["purpose", "id"],
        sqlite_where=sa.text("completed_at IS NULL"),
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    op.create_index("ix_assignments_owner", "assignments", ["owner"])
    op.create_index("ix_assignments_problem_id", "assignments", ["problem_id"])

    op.create_table(
        "evaluation_metrics",
        sa.Column("evaluation_id", ROW_ID, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name="fk_evaluation_metrics_evaluation_id"),
        sa.PrimaryKeyConstraint("evaluation_id", "metric", name="pk_evaluation_metrics"),
    )
    op.create_table(
        "rollouts",
        sa.Column("seq", ROW_ID, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("assignment_id", ROW_ID, nullable=True),
        sa.Column("sample_index", sa.Integer(), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum("train", "eval", "demonstration", name="purpose", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "accepted",
                "wrong",
                "no_answer",
                "unverifiable",
                "truncated",
                "fault",
                name="outcome",
                native_enum=False,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("solution_format", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("dedup_key", sa.LargeBinary(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("first_policy_version", sa.Integer(), nullable=True),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("prompt_ids", sa.LargeBinary(), nullable=False),
        sa.Column("token_ids", sa.LargeBinary(), nullable=False),
        sa.Column("model_mask", sa.LargeBinary(), nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.Column("segments", sa.LargeBinary(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["assignment_id"], ["assignments.id"], name="fk_rollouts_assignment_id"),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_rollouts_problem_id"),
        sa.PrimaryKeyConstraint("seq", name="pk_rollouts"),
        sa.UniqueConstraint("id", name="uq_rollouts_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rollouts_assignment_id", "rollouts", ["assignment_id"])
    op.create_index("ix_rollouts_iteration", "rollouts", ["iteration"])
    op.create_index("ix_rollouts_problem_id_dedup_key", "rollouts", ["problem_id", "dedup_key"])
    op.create_index("ix_rollouts_purpose_outcome", "rollouts", ["purpose", "outcome"])

    op.create_table(
        "executions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("rollout_seq", ROW_ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["rollout_seq"], ["rollouts.seq"], name="fk_executions_rollout_seq"),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
        sa.UniqueConstraint("rollout_seq", "position", name="uq_executions_rollout_seq_position"),
    )
    op.create_index("ix_executions_status", "executions", ["status"])

    op.create_table(
        "training_set_rollouts",
        sa.Column("training_set_id", ROW_ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rollout_seq", ROW_ID, nullable=False),
        sa.ForeignKeyConstraint(["rollout_seq"], ["rollouts.seq"], name="fk_training_set_rollouts_rollout_seq"),
        sa.ForeignKeyConstraint(
            ["training_set_id"], ["training_sets.id"], name="fk_training_set_rollouts_training_set_id"
        ),
        sa.PrimaryKeyConstraint("training_set_id", "position", name="pk_training_set_rollouts"),
    )
    op.create_index("ix_training_set_rollouts_rollout_seq", "training_set_rollouts", ["rollout_seq"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("training_set_rollouts")
    op.drop_table("executions")
    op.drop_table("rollouts")
    op.drop_table("evaluation_metrics")
    op.drop_table("assignments")
    op.drop_table("promotions")
    op.drop_table("iterations")
    op.drop_table("evaluations")
    op.drop_table("policies")
    op.drop_table("training_sets")
    op.drop_table("run_state")
    op.drop_table("problems")
