"""Identify equal solutions by a sketch and a variant, and let training sets refer to rollouts without foreign keys.

The former key, a hash of the syntax tree, was expensive: each rollout had to be parsed. And to check a foreign key,
PostgreSQL locks the rollout, which writes to its page.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from store.records import Segment, SegmentKind
from store.solutions.normal_form import normalised_code
from store.solutions.solution import Solution

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH = 2_000
READ = "SELECT seq, segments, answer FROM rollouts WHERE seq > :seq ORDER BY seq LIMIT :limit"
REFERENCES = {"rollout_seq": ("rollouts", "seq"), "training_set_id": ("training_sets", "id")}
# Rollouts with the same key are one solution. The solutions of a problem that share a sketch are numbered from 0.
NUMBER = """
    UPDATE rollouts SET variant = numbered.variant
    FROM (
        SELECT seq, dense_rank() OVER (PARTITION BY problem_id, sketch ORDER BY dedup_key) - 1 AS variant FROM rollouts
    ) AS numbered
    WHERE numbered.seq = rollouts.seq AND numbered.variant > 0
"""


def upgrade() -> None:
    """Apply."""
    op.add_column("rollouts", sa.Column("sketch", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    op.add_column("rollouts", sa.Column("variant", sa.Integer(), nullable=False, server_default="0"))
    for rows in _rollouts():
        _fill("sketch", [(seq, Solution(segments, answer).sketch) for seq, segments, answer in rows])
    op.execute(NUMBER)
    op.drop_index("ix_rollouts_problem_id_dedup_key", "rollouts")
    op.drop_column("rollouts", "dedup_key")
    op.create_index(
        "ix_rollouts_sketches", "rollouts", ["problem_id", "sketch", "variant", "pool"], postgresql_include=["seq"]
    )
    with op.batch_alter_table("training_set_rollouts") as sets:
        for column in REFERENCES:
            sets.drop_constraint(f"fk_training_set_rollouts_{column}", type_="foreignkey")


def downgrade() -> None:
    """Undo. Parses every rollout, which takes about a minute per hundred thousand."""
    with op.batch_alter_table("training_set_rollouts") as sets:
        for column, (table, key) in REFERENCES.items():
            sets.create_foreign_key(f"fk_training_set_rollouts_{column}", table, [column], [key])
    op.add_column("rollouts", sa.Column("dedup_key", sa.LargeBinary(), nullable=False, server_default=sa.text("''")))
    for rows in _rollouts():
        _fill("dedup_key", [(seq, _dedup_key(segments, answer)) for seq, segments, answer in rows])
    op.drop_index("ix_rollouts_sketches", "rollouts")
    for column in ("variant", "sketch"):
        op.drop_column("rollouts", column)
    op.create_index("ix_rollouts_problem_id_dedup_key", "rollouts", ["problem_id", "dedup_key"])


def _rollouts() -> Iterator[list[tuple[int, list[Segment], str | None]]]:
    """(seq, segments, answer) of all rollouts, read a few thousand at a time."""
    last = 0
    while rows := op.get_bind().execute(sa.text(READ), {"seq": last, "limit": BATCH}).all():
        yield [(seq, _segments(packed), answer) for seq, packed, answer in rows]
        last = rows[-1][0]


def _segments(packed: bytes) -> list[Segment]:
    return [Segment(SegmentKind(kind), text) for kind, text in json.loads(zlib.decompress(packed))]


def _fill(column: str, values: Sequence[tuple[int, Any]]) -> None:
    statement = sa.text(f"UPDATE rollouts SET {column} = :value WHERE seq = :seq")  # noqa: S608
    op.get_bind().execute(statement, [{"seq": seq, "value": value} for seq, value in values])


def _dedup_key(segments: Sequence[Segment], answer: str | None) -> bytes:
    """The former key: 16 bytes of a hash of the normalised program (of the words if there is no code) and the answer.

    It differs for code that does not parse: formerly its words were hashed, now its text is.
    """
    code = [segment.text for segment in segments if segment.kind is SegmentKind.CODE]
    words = " ".join(" ".join(segment.text for segment in segments).split())
    body = normalised_code("\n".join(code)) if code else words
    return hashlib.sha256(repr((body, (answer or "").strip())).encode("utf-8", "backslashreplace")).digest()[:16]
