"""Store the kind of fault that ended a rollout, and whether the answer of an accepted one is supported by its code.

Rollouts without a verdict no longer count against the policy: they leave the pools of mistakes, and the counters of
their problems.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (("fault", 16), ("support", 16), ("support_rule", 32))
UNVERIFIABLE = "SELECT problem_id FROM rollouts WHERE purpose = 'train' AND outcome = 'unverifiable'"
# Pruned rollouts are counted in `judged` and cannot be told apart any more: what is left of theirs stays.
UNCOUNT = """
    UPDATE problems SET judged = judged - unverifiable.count
    FROM (SELECT problem_id, count(*) AS count FROM rollouts WHERE purpose = 'train' AND outcome = 'unverifiable'
          GROUP BY problem_id) AS unverifiable
    WHERE unverifiable.problem_id = problems.id
"""
CLEAR = f"UPDATE rollouts SET pool = NULL, place = NULL WHERE pool = 'mistake' AND problem_id IN ({UNVERIFIABLE})"  # noqa: S608
# The first rollout of each solution gets a place, in the order of writing.
PLACE = f"""
    UPDATE rollouts SET pool = 'mistake', place = places.place
    FROM (
        SELECT seq, row_number() OVER (PARTITION BY problem_id ORDER BY seq) AS place
        FROM (
            SELECT problem_id, min(seq) AS seq FROM rollouts
            WHERE purpose = 'train' AND outcome IN ('wrong', 'no_answer', 'truncated')
                AND problem_id IN ({UNVERIFIABLE})
            GROUP BY problem_id, sketch, variant
        ) AS members
    ) AS places
    WHERE places.seq = rollouts.seq
"""  # noqa: S608
COUNT = f"""
    UPDATE problems SET mistakes = counted.mistakes, duplicates = counted.pooled - counted.members
    FROM (
        SELECT problem_id, count(place) AS members,
            sum(CASE WHEN pool = 'mistake' THEN 1 ELSE 0 END) AS mistakes,
            sum(CASE WHEN purpose = 'train' AND outcome IN ('accepted', 'wrong', 'no_answer', 'truncated')
                OR purpose = 'demonstration' AND outcome = 'accepted' THEN 1 ELSE 0 END) AS pooled
        FROM rollouts WHERE problem_id IN ({UNVERIFIABLE}) GROUP BY problem_id
    ) AS counted
    WHERE counted.problem_id = problems.id
"""  # noqa: S608
RENAMED = (("rollouts", "outcome"), ("outcome_changes", "old_outcome"), ("outcome_changes", "new_outcome"))


def upgrade() -> None:
    """Apply. Earlier rollouts have NULL in all three: their faults have no kind, and their support was not judged.

    The outcome `unverifiable` of earlier rollouts also stands for what is `undecided` now.
    """
    for name, length in COLUMNS:
        op.add_column("rollouts", sa.Column(name, sa.String(length), nullable=True))
    for statement in (UNCOUNT, CLEAR, PLACE, COUNT):
        op.execute(statement)


def downgrade() -> None:
    """Undo the columns and the outcome `undecided`. Pools stay without rollouts that have no verdict."""
    for table, column in RENAMED:
        op.execute(f"UPDATE {table} SET {column} = 'unverifiable' WHERE {column} = 'undecided'")  # noqa: S608
    for name, _ in reversed(COLUMNS):
        op.drop_column("rollouts", name)
