"""Searching rollouts for a text. Their segments are compressed, so each one that is searched is read.

An index of their words would have to be maintained by every write of a rollout, which is the hot path. So a search
reads the newest rollouts for as long as its budget lasts, and can be continued from there.
"""

import json
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import ProblemRow, RolloutRow
from store.rollouts import packing
from store.rollouts.row_mapping import translated_damage


class TextSearch:
    """Finds a text in questions and in segments, whatever its case. Of a question it only remembers whether it matched.

    Raises `StoreDamagedError` for a rollout whose stored bytes are corrupted.
    """

    def __init__(self, session: Session, text: str) -> None:
        self._session = session
        self._folded = text.casefold()
        self._packed = _packed(text)
        self._questions: dict[str, bool] = {}

    def batches(self, seqs: Select[int]) -> Iterator[tuple[list[int], int]]:
        """Batches of the selected rollouts, in their order: those that contain the text, and the last one of all."""
        query = seqs.add_columns(RolloutRow.id, RolloutRow.problem_id, RolloutRow.segments)
        for rows in self._session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH):
            self._read_questions({row.problem_id for row in rows})
            yield [row.seq for row in rows if self._is_match(row)], rows[-1].seq

    def _read_questions(self, problem_ids: set[str]) -> None:
        if new := problem_ids - self._questions.keys():
            query = select(ProblemRow.id, ProblemRow.question).where(in_array(ProblemRow.id, new))
            for problem_id, question in self._session.execute(query):
                self._questions[problem_id] = self._folded in question.casefold()

    def _is_match(self, row: Any) -> bool:
        with translated_damage(row.id):
            return self._questions[row.problem_id] or self._is_in(row.segments)

    def _is_in(self, segments: bytes) -> bool:
        plain = packing.decompress(segments)
        if self._packed is not None and self._packed not in plain.lower():
            return False  # without unpacking them, which takes most of the time
        return any(self._folded in segment.text.casefold() for segment in packing.unpack_segments(plain))


def _packed(text: str) -> bytes | None:
    """Lower-case bytes that the packed segments contain if one has the text; None if its letters have several forms."""
    return json.dumps(text)[1:-1].lower().encode() if text.isascii() else None
