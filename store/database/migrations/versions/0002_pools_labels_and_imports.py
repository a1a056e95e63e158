"""Add pools and counters, label history and reviews, the exclusions of imports, and details of policies."""

import hashlib
from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# SQLite generates row ids only if the type is exactly INTEGER.
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COUNTERS = ("judged", "accepted", "solutions", "mistakes", "demonstrations", "duplicates")
HAS_PLACE = sa.text("place IS NOT NULL")

# The first rollout of each solution gets the next place in its problem's pool. A mistake never equals a solution.
FILL_POOLS = """
    UPDATE rollouts SET pool = placed.pool, place = placed.place
    FROM (
        SELECT seq, pool, row_number() OVER (PARTITION BY problem_id, pool ORDER BY seq) AS place
        FROM (
            SELECT seq, problem_id, pool, row_number() OVER (
                PARTITION BY problem_id, dedup_key, CASE pool WHEN 'mistake' THEN 1 ELSE 0 END ORDER BY seq
            ) AS copy
            FROM (
                SELECT seq, problem_id, dedup_key, CASE
                    WHEN purpose = 'demonstration' AND outcome = 'accepted' THEN 'demonstration'
                    WHEN purpose = 'train' AND outcome = 'accepted' THEN 'solution'
                    WHEN purpose = 'train' AND outcome <> 'fault' THEN 'mistake'
                END AS pool
                FROM rollouts
            ) AS judged
            WHERE pool IS NOT NULL
        ) AS numbered
        WHERE copy = 1
    ) AS placed
    WHERE placed.seq = rollouts.seq
"""
FILL_COUNTERS = """
    UPDATE problems SET judged = counted.judged, accepted = counted.accepted, solutions = counted.solutions,
        mistakes = counted.mistakes, demonstrations = counted.demonstrations, duplicates = counted.duplicates
    FROM (
        SELECT problem_id,
            sum(CASE WHEN purpose = 'train' AND outcome <> 'fault' THEN 1 ELSE 0 END) AS judged,
            sum(CASE WHEN purpose = 'train' AND outcome = 'accepted' THEN 1 ELSE 0 END) AS accepted,
            sum(CASE pool WHEN 'solution' THEN 1 ELSE 0 END) AS solutions,
            sum(CASE pool WHEN 'mistake' THEN 1 ELSE 0 END) AS mistakes,
            sum(CASE pool WHEN 'demonstration' THEN 1 ELSE 0 END) AS demonstrations,
            sum(CASE WHEN pool IS NULL AND (
                purpose = 'train' AND outcome <> 'fault' OR purpose = 'demonstration' AND outcome = 'accepted'
            ) THEN 1 ELSE 0 END) AS duplicates
        FROM rollouts GROUP BY problem_id
    ) AS counted
    WHERE counted.problem_id = problems.id
"""
# The older schema cannot distinguish evaluations that differ only in their problems: the later ones are renamed.
RENAME_TWINS = """
    UPDATE evaluations SET benchmark = benchmark || '@' || id
    WHERE id NOT IN (
        SELECT min(id) FROM evaluations GROUP BY policy_version, benchmark, temperature, top_p, samples
    )
"""
WHAT = ["policy_version", "benchmark", "temperature", "top_p", "samples"]


def upgrade() -> None:
    """Apply."""
    _add_columns()
    op.execute(FILL_POOLS)
    op.execute(FILL_COUNTERS)
    op.create_index(
        "ix_rollouts_pools",
        "rollouts",
        ["problem_id", "pool", "place", "policy_version", "prompt_tokens", "tokens"],
        postgresql_include=["seq"],
        sqlite_where=HAS_PLACE,
        postgresql_where=HAS_PLACE,
    )
    _key_evaluations()
    _create_reviews()
    _create_imports()


def downgrade() -> None:
    """Undo. Corrected answers stay; reviews and the history of labels are deleted with their tables."""
    op.execute("UPDATE problems SET split = 'heldout' WHERE split = 'excluded'")  # never trained on either way
    for table in ("heldout_bands", "left_out", "imports", "outcome_changes", "label_changes", "reviews"):
        op.drop_table(table)
    op.execute(RENAME_TWINS)
    with op.batch_alter_table("evaluations", table_kwargs={"sqlite_autoincrement": True}) as evaluations:
        evaluations.drop_constraint("uq_evaluations_what", type_="unique")
        evaluations.drop_column("problems_key")
        evaluations.create_unique_constraint("uq_evaluations_what", WHAT)
    op.drop_index("ix_rollouts_pools", "rollouts")
    for column in ("seed", "place", "pool"):
        op.drop_column("rollouts", column)
    for column in ("checksum", "config"):
        op.drop_column("policies", column)
    for column in reversed(COUNTERS):
        op.drop_column("problems", column)


def _add_columns() -> None:
    for name in COUNTERS:
        op.add_column("problems", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("policies", sa.Column("config", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("policies", sa.Column("checksum", sa.Text(), nullable=True))
    pool = sa.Enum("solution", "mistake", "demonstration", name="pool", native_enum=False, length=16)
    op.add_column("rollouts", sa.Column("pool", pool, nullable=True))
    op.add_column("rollouts", sa.Column("place", sa.Integer(), nullable=True))
    op.add_column("rollouts", sa.Column("seed", sa.BigInteger(), nullable=True))


def _key_evaluations() -> None:
    op.add_column("evaluations", sa.Column("problems_key", sa.String(32), nullable=False, server_default=""))
    connection = op.get_bind()
    problems = sa.text(
        "SELECT evaluation_id, problem_id FROM assignments WHERE evaluation_id IS NOT NULL ORDER BY evaluation_id"
    )
    keys = [
        {"id": evaluation, "key": _problems_key([problem for _, problem in rows])}
        for evaluation, rows in groupby(connection.execute(problems).all(), key=lambda row: row[0])
    ]
    if keys:
        connection.execute(sa.text("UPDATE evaluations SET problems_key = :key WHERE id = :id"), keys)
    with op.batch_alter_table("evaluations", table_kwargs={"sqlite_autoincrement": True}) as evaluations:
        evaluations.drop_constraint("uq_evaluations_what", type_="unique")
        evaluations.create_unique_constraint("uq_evaluations_what", [*WHAT, "problems_key"])


def _problems_key(ids: list[str]) -> str:
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:32]


def _create_reviews() -> None:
    outcome = sa.Enum(
        "accepted", "wrong", "no_answer", "unverifiable", "truncated", "fault", native_enum=False, length=16
    )
    op.create_table(
        "reviews",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "accepted", "rejected", name="reviewstatus", native_enum=False, length=16),
            nullable=False,
        ),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("proposed_answer", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.Double(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_reviews_problem_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reviews"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_reviews_problem_id", "reviews", ["problem_id"])
    op.create_index("ix_reviews_status_score", "reviews", ["status", "score"])
    op.create_table(
        "label_changes",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.Column("review_id", ROW_ID, nullable=True),
        sa.Column("old_answer", sa.Text(), nullable=False),
        sa.Column("new_answer", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_label_changes_problem_id"),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_label_changes_review_id"),
        sa.PrimaryKeyConstraint("id", name="pk_label_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_label_changes_problem_id", "label_changes", ["problem_id"])
    op.create_index("ix_label_changes_review_id", "label_changes", ["review_id"])
    op.create_table(
        "outcome_changes",
        sa.Column("review_id", ROW_ID, nullable=False),
        sa.Column("rollout_seq", ROW_ID, nullable=False),
        sa.Column("old_outcome", outcome, nullable=False),
        sa.Column("new_outcome", outcome, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name="fk_outcome_changes_review_id"),
        sa.ForeignKeyConstraint(["rollout_seq"], ["rollouts.seq"], name="fk_outcome_changes_rollout_seq"),
        sa.PrimaryKeyConstraint("review_id", "rollout_seq", name="pk_outcome_changes"),
    )
    op.create_index("ix_outcome_changes_rollout_seq", "outcome_changes", ["rollout_seq"])


def _create_imports() -> None:
    op.create_table(
        "imports",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.Column("imported_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "left_out",
        sa.Column("split_key", sa.Text(), nullable=False),
        sa.Column("import_id", ROW_ID, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("heldout_id", sa.Text(), nullable=False),
        sa.Column("likeness", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["import_id"], ["imports.id"], name="fk_left_out_import_id"),
        sa.ForeignKeyConstraint(["heldout_id"], ["problems.id"], name="fk_left_out_heldout_id"),
        sa.PrimaryKeyConstraint("split_key", name="pk_left_out"),
    )
    op.create_index("ix_left_out_import_id", "left_out", ["import_id"])
    op.create_index("ix_left_out_heldout_id", "left_out", ["heldout_id"])
    op.create_table(
        "heldout_bands",
        sa.Column("band", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("problem_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["problem_id"], ["problems.id"], name="fk_heldout_bands_problem_id"),
        sa.PrimaryKeyConstraint("band", "problem_id", name="pk_heldout_bands"),
    )
    op.create_index("ix_heldout_bands_problem_id", "heldout_bands", ["problem_id"])
