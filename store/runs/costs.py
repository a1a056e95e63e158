"""What the attempts of evaluations cost: tokens, and seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.bulk import BATCH
from store.database.tables import AssignmentRow, RolloutRow

_INTERRUPTION_S = 600.0


@dataclass(frozen=True, slots=True)
class AttemptCost:
    """What attempts cost. `tokens` are those after the prompts, what the interpreter printed included.

    `attempt_s` is the time of all attempts together. `wall_s` is that by the clock, from the start of the first to the
    end of the last, without gaps of more than ten minutes, in which nothing was sampled.
    """

    attempts: int
    tokens: int
    attempt_s: float
    wall_s: float


def read_cost(session: Session, evaluation_ids: Sequence[int]) -> AttemptCost:
    """The cost of the attempts of these evaluations together."""
    of_evaluations = AssignmentRow.evaluation_id.in_(evaluation_ids)
    sums = select(func.count(), func.sum(RolloutRow.tokens), func.sum(RolloutRow.seconds))
    sums = sums.join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id).where(of_evaluations)
    attempts, tokens, seconds = session.execute(sums).one()
    times = select(RolloutRow.created_at, RolloutRow.seconds)
    times = times.join(AssignmentRow, AssignmentRow.id == RolloutRow.assignment_id).where(of_evaluations)
    wall_s, last = 0.0, None
    for written_at, took_s in session.execute(times.order_by(RolloutRow.created_at).execution_options(yield_per=BATCH)):
        gap_s = took_s if last is None else written_at - last
        wall_s += gap_s if gap_s <= _INTERRUPTION_S or last is None else min(took_s, gap_s)
        last = written_at
    return AttemptCost(attempts, int(tokens or 0), float(seconds or 0.0), wall_s)
