"""The tables, a file a topic. Rows stay inside `store/`; what leaves it are the records of `store.records`.

Times are Unix seconds, as floats, by the clock the store was opened with. Begin with `rollouts.py`.
"""

from store.database.tables.base import Base, table
from store.database.tables.labels import LabelChangeRow, OutcomeChangeRow, ReviewRow
from store.database.tables.problems import ExclusionRow, HeldOutBandRow, ImportRow, ProblemRow
from store.database.tables.rollouts import AssignmentRow, ExecutionRow, RolloutRow
from store.database.tables.runs import (
    EvaluationMetricRow,
    EvaluationRow,
    IterationRow,
    PolicyRow,
    PromotionRow,
    RunStateRow,
)
from store.database.tables.training import TrainingSetRolloutRow, TrainingSetRow

SCHEMA_REVISION = "0003"
"""The newest migration. Compared at every opening, so that Alembic is only imported when there is something to do."""

__all__ = [
    "SCHEMA_REVISION",
    "AssignmentRow",
    "Base",
    "EvaluationMetricRow",
    "EvaluationRow",
    "ExclusionRow",
    "ExecutionRow",
    "HeldOutBandRow",
    "ImportRow",
    "IterationRow",
    "LabelChangeRow",
    "OutcomeChangeRow",
    "PolicyRow",
    "ProblemRow",
    "PromotionRow",
    "ReviewRow",
    "RolloutRow",
    "RunStateRow",
    "TrainingSetRolloutRow",
    "TrainingSetRow",
    "table",
]
