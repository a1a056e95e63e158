"""What was scheduled of a problem, with what estimate, and what came of it."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import AssignmentRow, IterationRow, ProblemRow, RolloutRow
from store.errors import UnknownRecordError
from store.records import Outcome
from store.runs.scheduling.worth import Worth, find_worth, mean_weight


@dataclass(frozen=True, slots=True)
class Decision:
    """An iteration's attempts at a problem: `samples` scheduled, of which `outcomes` counts those that are written.

    `pass_rate` and `weight` are what the rule estimated, None if it estimates nothing. `solutions` of the accepted ones
    were not known before.
    """

    iteration: int
    samples: int
    pass_rate: float | None
    weight: float | None
    outcomes: dict[str, int]
    solutions: int


@dataclass(frozen=True, slots=True)
class ProblemEffort:
    """Counters of a problem, the decisions so far, and what an attempt is `worth` in the `next_iteration`.

    `attempts` were scheduled, `judged` of them count for or against the policy, `accepted` of these are right and have
    `solutions` that differ. `worth` is None unless it is a training problem. `mean_weight` is that of all problems.
    """

    attempts: int
    judged: int
    accepted: int
    solutions: int
    demonstrations: int
    judged_tokens: int
    decisions: tuple[Decision, ...]
    next_iteration: int
    worth: Worth | None
    mean_weight: float


def read_effort(session: Session, problem_id: str) -> ProblemEffort:
    """The effort on a problem. Raises `UnknownRecordError` if there is none."""
    row = session.get(ProblemRow, problem_id)
    if row is None:
        raise UnknownRecordError(f"there is no problem {problem_id!r} in the store")
    following = (session.scalar(select(func.max(IterationRow.number))) or 0) + 1
    worth = find_worth(session, following, problem_id)
    return ProblemEffort(
        attempts=row.attempts,
        judged=row.judged,
        accepted=row.accepted,
        solutions=row.solutions,
        demonstrations=row.demonstrations,
        judged_tokens=row.judged_tokens,
        decisions=_decisions(session, problem_id),
        next_iteration=following,
        worth=worth,
        mean_weight=0.0 if worth is None else mean_weight(session, following),
    )


def _decisions(session: Session, problem_id: str) -> tuple[Decision, ...]:
    query = select(AssignmentRow).where(AssignmentRow.problem_id == problem_id, AssignmentRow.iteration.is_not(None))
    rows = session.scalars(query.order_by(AssignmentRow.iteration)).all()
    return tuple(
        Decision(row.iteration or 0, row.samples, row.pass_rate, row.weight, *_results(session, row.id)) for row in rows
    )


def _results(session: Session, assignment_id: int) -> tuple[dict[str, int], int]:
    """(counts by outcome, new solutions) of an assignment's rollouts."""
    query = select(RolloutRow.outcome, func.count(), func.count(RolloutRow.place))
    query = query.where(RolloutRow.assignment_id == assignment_id).group_by(RolloutRow.outcome)
    rows = session.execute(query.order_by(RolloutRow.outcome)).all()
    solutions = sum(placed for outcome, _, placed in rows if outcome is Outcome.ACCEPTED)
    return {outcome.value: count for outcome, count, _ in rows}, solutions
