"""The tables, one module per topic. Rows stay inside `store/`; callers get the records of `store.records`.

Times are Unix seconds, as floats, by the clock with which the store was opened. Begin with `rollouts.py`.
"""

from store.database.tables.annotation import (
    AnnotationAttemptRow,
    AnnotationJobRow,
    AnnotationQuestionRow,
    AnnotationRequestRow,
    AnnotationTurnRow,
)
from store.database.tables.base import Base, table
from store.database.tables.feedback import CollectedAnswerRow, CollectedRow
from store.database.tables.labels import LabelChangeRow, OutcomeChangeRow, ReviewRow
from store.database.tables.problems import ExclusionRow, HeldOutBandRow, HeldOutTemplateRow, ImportRow, ProblemRow
from store.database.tables.reviews import (
    ExcludedSolutionRow,
    ReviewDecisionRow,
    ReviewEditRow,
    ReviewItemRow,
    ReviewLeaseRow,
)
from store.database.tables.rollouts import AssignmentRow, EngineBuildRow, ExecutionRow, RolloutRow
from store.database.tables.runs import (
    EvaluationMetricRow,
    EvaluationRow,
    IterationRow,
    PolicyRow,
    PromotionRow,
    RunStateRow,
    SamplerRow,
)
from store.database.tables.training import TrainingSetRolloutRow, TrainingSetRow
from store.database.tables.values import ValueModelRow, ValueScoreRow

SCHEMA_REVISION = "0015"
"""The newest migration. Each opening compares it, so that Alembic is imported only if there is something to migrate."""

__all__ = [
    "SCHEMA_REVISION",
    "AnnotationAttemptRow",
    "AnnotationJobRow",
    "AnnotationQuestionRow",
    "AnnotationRequestRow",
    "AnnotationTurnRow",
    "AssignmentRow",
    "Base",
    "CollectedAnswerRow",
    "CollectedRow",
    "EngineBuildRow",
    "EvaluationMetricRow",
    "EvaluationRow",
    "ExcludedSolutionRow",
    "ExclusionRow",
    "ExecutionRow",
    "HeldOutBandRow",
    "HeldOutTemplateRow",
    "ImportRow",
    "IterationRow",
    "LabelChangeRow",
    "OutcomeChangeRow",
    "PolicyRow",
    "ProblemRow",
    "PromotionRow",
    "ReviewDecisionRow",
    "ReviewEditRow",
    "ReviewItemRow",
    "ReviewLeaseRow",
    "ReviewRow",
    "RolloutRow",
    "RunStateRow",
    "SamplerRow",
    "TrainingSetRolloutRow",
    "TrainingSetRow",
    "ValueModelRow",
    "ValueScoreRow",
    "table",
]
