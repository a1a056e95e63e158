"""Retention: rejected rollouts are pruned by a rule. A rollout of a training set is never deleted."""

from collections.abc import Callable, Mapping, Sequence
from itertools import batched

from sqlalchemy import ColumnElement, Select, delete, exists, func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.locks import AdvisoryLock, acquire
from store.database.tables import (
    AssignmentRow,
    ExecutionRow,
    OutcomeChangeRow,
    ProblemRow,
    ReviewItemRow,
    ReviewRow,
    RolloutRow,
    TrainingSetRolloutRow,
    ValueScoreRow,
)
from store.outcomes import COUNTED
from store.problems.row_locks import lock_problems
from store.records import Outcome
from store.rollouts.pools import rebuild
from store.settings import RetentionSettings

RULES: Mapping[str, Callable[[Session, int], ColumnElement[bool]]] = {
    "newest_per_problem": lambda _, keep: _age_in_problem() > keep,
    "newest_iterations": lambda session, keep: (
        RolloutRow.iteration <= (session.scalar(select(func.max(RolloutRow.iteration))) or 0) - keep
    ),
}
"""The condition on a rejected rollout to be pruned, given the number to keep."""


def problem_batches(session: Session) -> list[tuple[str, ...]]:
    """The ids of attempted problems, in batches. Problems with a review are omitted, because it refers to rollouts."""
    reviewed = exists().where(ReviewRow.problem_id == ProblemRow.id)
    attempted = select(ProblemRow.id).where(ProblemRow.attempts > 0, ~reviewed).order_by(ProblemRow.id)
    return list(batched(session.scalars(attempted), BATCH))


def prune(session: Session, problem_ids: Sequence[str], settings: RetentionSettings) -> int:
    """Delete the rejected rollouts of these problems that the rule does not keep; returns how many.

    Their assignments stay complete, so that no pruned rollout is sampled or written again.
    """
    acquire(session.connection(), AdvisoryLock.TRAINING_SETS)
    lock_problems(session, problem_ids)
    pruned = dict(session.execute(_prunable(session, problem_ids, settings)).all())
    for batch in batched(sorted(pruned), BATCH):
        session.execute(
            delete(ExecutionRow).where(in_array(ExecutionRow.rollout_seq, batch)), execution_options=_UNTRACKED
        )
        session.execute(
            delete(ValueScoreRow).where(in_array(ValueScoreRow.rollout_seq, batch)), execution_options=_UNTRACKED
        )
        session.execute(delete(RolloutRow).where(in_array(RolloutRow.seq, batch)), execution_options=_UNTRACKED)
    rebuild(session, pruned.values())
    return len(pruned)


_UNTRACKED = {"synchronize_session": False}


def _prunable(session: Session, problem_ids: Sequence[str], settings: RetentionSettings) -> Select[int, str]:
    """(seq, problem) of the rejected rollouts that the rule does not keep and nothing refers to."""
    rejected = (
        select(RolloutRow.seq, RolloutRow.problem_id, RULES[settings.rule](session, settings.keep).label("expired"))
        .join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id)
        # Training rollouts by their assignment: by their purpose, SQLite would read those of all problems.
        .where(in_array(RolloutRow.problem_id, problem_ids), AssignmentRow.iteration.is_not(None))
        .where(RolloutRow.outcome != Outcome.ACCEPTED, AssignmentRow.completed_at.is_not(None))
        .subquery()
    )
    trained = exists().where(TrainingSetRolloutRow.rollout_seq == rejected.c.seq)
    rescored = exists().where(OutcomeChangeRow.rollout_seq == rejected.c.seq)
    in_review = exists().where(ReviewItemRow.rollout_seq == rejected.c.seq)
    return select(rejected.c.seq, rejected.c.problem_id).where(rejected.c.expired, ~trained, ~rescored, ~in_review)


def _age_in_problem() -> ColumnElement[int]:
    """1 for the newest rejected rollout of its problem, 2 for the one before it, and so on.

    Those without a verdict have an order of their own: they must not take the place of one that counts.
    """
    counts = RolloutRow.outcome.in_(COUNTED)
    return func.row_number().over(partition_by=(RolloutRow.problem_id, counts), order_by=RolloutRow.seq.desc())
