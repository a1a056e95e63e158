"""The records that cross process boundaries, separate from the database rows that store them.

Import them from here; the modules divide them by topic.
"""

from store.records.browsing import RolloutCount, RolloutFilter, RolloutPage, RolloutSummary
from store.records.feedback import CollectedAnswer, CollectedCompletion, Completion, Rating
from store.records.policies import Decision, Policy, PolicyPointer
from store.records.problems import (
    Exclusion,
    ExclusionKind,
    ImportPreview,
    ImportReport,
    LabelChange,
    PreviewedProblem,
    Problem,
    ReviewStatus,
    SkippedRow,
    SkipReason,
    Split,
    TemplateTwins,
    accepted_answers,
    is_text,
    make_label,
)
from store.records.rollouts import (
    ExecutionRecord,
    FaultKind,
    Outcome,
    PolicySpan,
    Pool,
    Purpose,
    Rollout,
    Segment,
    SegmentKind,
    Support,
)
from store.records.values import ScoredAttempt, UnscoredAttempt, ValueModel
from store.records.work import Assignment, Lease, Sampling, rollout_id

__all__ = [
    "Assignment",
    "CollectedAnswer",
    "CollectedCompletion",
    "Completion",
    "Decision",
    "Exclusion",
    "ExclusionKind",
    "ExecutionRecord",
    "FaultKind",
    "ImportPreview",
    "ImportReport",
    "LabelChange",
    "Lease",
    "Outcome",
    "Policy",
    "PolicyPointer",
    "PolicySpan",
    "Pool",
    "PreviewedProblem",
    "Problem",
    "Purpose",
    "Rating",
    "ReviewStatus",
    "Rollout",
    "RolloutCount",
    "RolloutFilter",
    "RolloutPage",
    "RolloutSummary",
    "Sampling",
    "ScoredAttempt",
    "Segment",
    "SegmentKind",
    "SkipReason",
    "SkippedRow",
    "Split",
    "Support",
    "TemplateTwins",
    "UnscoredAttempt",
    "ValueModel",
    "accepted_answers",
    "is_text",
    "make_label",
    "rollout_id",
]
