"""The scores of value models, by rollout."""

import math
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, func, select, text
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import AssignmentRow, ExecutionRow, RolloutRow, ValueScoreRow
from store.errors import StoreError
from store.records import Outcome, ScoredAttempt, UnscoredAttempt
from store.rollouts import packing
from store.rollouts.row_mapping import translated_damage

_ADD = text(
    "INSERT INTO value_scores (rollout_seq, value_version, score) VALUES (:seq, :version, :score) "
    "ON CONFLICT DO NOTHING"
)


def assignments(session: Session, evaluations: Sequence[int]) -> list[int]:
    """The ids of the assignments of evaluations."""
    query = select(AssignmentRow.id).where(AssignmentRow.evaluation_id.in_(evaluations)).order_by(AssignmentRow.id)
    return list(session.scalars(query))


def progress(session: Session, version: int, evaluations: Sequence[int]) -> tuple[int, int]:
    """(scored, to score) attempts of evaluations."""
    columns = func.count(ValueScoreRow.score), func.count(RolloutRow.seq)
    query = _with_score(select(*columns).join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id), version)
    scored, total = session.execute(
        query.where(AssignmentRow.evaluation_id.in_(evaluations), RolloutRow.outcome != Outcome.FAULT)
    ).one()
    return scored, total


def unscored(session: Session, version: int, assignment_ids: Sequence[int]) -> list[UnscoredAttempt]:
    """The attempts of assignments that have no score, without those that ended in a fault.

    Raises:
        StoreDamagedError: the stored bytes are corrupted.
    """
    of_assignments = in_array(RolloutRow.assignment_id, assignment_ids), RolloutRow.outcome != Outcome.FAULT
    return _read_unscored(session, version, *of_assignments)


def unscored_of(session: Session, version: int, seqs: Sequence[int]) -> list[UnscoredAttempt]:
    """Those of these rollouts that have no score. Raises `StoreDamagedError` as `unscored`."""
    return _read_unscored(session, version, in_array(RolloutRow.seq, seqs))


def _read_unscored(session: Session, version: int, *conditions: ColumnElement[bool]) -> list[UnscoredAttempt]:
    columns = RolloutRow.seq, RolloutRow.id, RolloutRow.prompt_ids, RolloutRow.token_ids
    query = _with_score(select(*columns), version).where(*conditions, ValueScoreRow.score.is_(None))
    found = []
    for seq, name, prompt_ids, token_ids in session.execute(query.order_by(RolloutRow.seq)):
        with translated_damage(name):
            found.append(UnscoredAttempt(seq, packing.unpack_ids(prompt_ids) + packing.unpack_ids(token_ids)))
    return found


def require_finite(version: int, found: Sequence[tuple[int, float]]) -> None:
    """Raise `StoreError` for a score that is not a finite number."""
    for seq, score in found:
        if not math.isfinite(score):
            raise StoreError(f"value model {version} gave rollout {seq} the score {score}, not a finite number")


def add(session: Session, version: int, found: Sequence[tuple[int, float]]) -> None:
    """Insert scores; one that is there stays."""
    if found:
        session.execute(_ADD, [{"seq": seq, "version": version, "score": score} for seq, score in found])


def read_attempts(session: Session, version: int, evaluations: Sequence[int]) -> dict[str, list[ScoredAttempt]]:
    """The attempts of evaluations by problem id, each list in the order of the samples."""
    blocks = select(func.count()).where(ExecutionRow.rollout_seq == RolloutRow.seq).correlate(RolloutRow)
    columns = RolloutRow.problem_id, RolloutRow.outcome, RolloutRow.answer, ValueScoreRow.score, RolloutRow.tokens
    query = select(*columns, blocks.scalar_subquery()).join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id)
    query = _with_score(query, version).where(AssignmentRow.evaluation_id.in_(evaluations))
    attempts: dict[str, list[ScoredAttempt]] = {}
    for problem_id, *attempt in session.execute(query.order_by(AssignmentRow.id, RolloutRow.sample_index)):
        attempts.setdefault(problem_id, []).append(ScoredAttempt(*attempt))
    return attempts


def _with_score[*T](query: Select[*T], version: int) -> Select[*T]:
    """A query of rollouts, joined with their scores of a value model if they have any."""
    own = and_(ValueScoreRow.rollout_seq == RolloutRow.seq, ValueScoreRow.value_version == version)
    return query.outerjoin(ValueScoreRow, own)
