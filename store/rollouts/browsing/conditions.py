"""The SQL conditions of a filter. The text is not among them: `text_search.py` compares it."""

from typing import Any

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy.orm import InstrumentedAttribute

from store.database.tables import ProblemRow, RolloutRow
from store.records import RolloutFilter


def conditions(wanted: RolloutFilter) -> list[ColumnElement[bool]]:
    """What the rows of matching rollouts meet.

    An index of its own is used for the problem, or for the iteration if nothing else is asked for. Other indexes would
    lead away from the window that is searched, to all rollouts of a purpose, and each row would have to be looked up.
    """
    others = wanted.problem_id, wanted.source, wanted.split, wanted.purpose, wanted.outcome, wanted.policy_version
    is_iteration_alone = all(value is None for value in others)
    columns: dict[ColumnElement[Any] | InstrumentedAttribute[Any], Any] = {
        RolloutRow.problem_id: wanted.problem_id,
        RolloutRow.iteration if is_iteration_alone else _unindexed(RolloutRow.iteration): wanted.iteration,
        _unindexed(RolloutRow.purpose): wanted.purpose,
        _unindexed(RolloutRow.outcome): wanted.outcome,
        RolloutRow.policy_version: wanted.policy_version,
    }
    found = [column == value for column, value in columns.items() if value is not None]
    of_problem = {ProblemRow.source: wanted.source, ProblemRow.split: wanted.split}
    met = [column == value for column, value in of_problem.items() if value is not None]
    if met:
        found.append(exists().where(ProblemRow.id == RolloutRow.problem_id, *met))
    return found


def _unindexed(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """The column as an expression, which no index is found for."""
    return func.coalesce(column, column)
