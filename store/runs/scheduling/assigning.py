"""Assigns what a rule chose to an iteration, and counts it in the problems' rows."""

from collections.abc import Sequence
from itertools import batched

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.database.bulk import BATCH, insert_rows
from store.database.tables import AssignmentRow, table
from store.problems.row_locks import lock_problems
from store.records import Purpose, Sampling
from store.runs.scheduling.rules import Choice
from store.runs.scheduling.worth import UNIT, aged


def assign_choices(session: Session, iteration: int, choices: Sequence[Choice], sampling: Sampling) -> int:
    """Add an assignment for each choice, in their order; returns the number of attempts."""
    rows = [
        {
            "purpose": Purpose.TRAIN.value,
            "iteration": iteration,
            "problem_id": choice.problem_id,
            "samples": choice.samples,
            "done": 0,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "pass_rate": choice.pass_rate,
            "weight": choice.weight,
        }
        for choice in choices
    ]
    lock_problems(session, [choice.problem_id for choice in choices])  # as writers of rollouts do, to avoid deadlocks
    for batch in batched(rows, BATCH):
        insert_rows(session, table(AssignmentRow), batch)
    session.execute(text(_COUNT), {"iteration": iteration})
    return sum(choice.samples for choice in choices)


# What was known before counts less from now on: attempts that are written later are fresh.
_COUNT = f"""
UPDATE problems SET attempts = problems.attempts + assigned.samples, last_iteration = :iteration,
    stale_judged = CAST(judged AS BIGINT) * {UNIT} - {aged("judged", "stale_judged")},
    stale_accepted = CAST(accepted AS BIGINT) * {UNIT} - {aged("accepted", "stale_accepted")}
FROM assignments AS assigned WHERE assigned.iteration = :iteration AND assigned.problem_id = problems.id
"""  # noqa: S608
