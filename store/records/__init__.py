"""The records that cross process boundaries, separate from the database rows that store them.

Import them from here; the modules divide them by topic.
"""

from store.records.policies import Decision, Policy, PolicyPointer
from store.records.problems import (
    Exclusion,
    ExclusionKind,
    ImportReport,
    LabelChange,
    Problem,
    ReviewStatus,
    SkippedRow,
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
from store.records.work import Assignment, Lease, Sampling, rollout_id

__all__ = [
    "Assignment",
    "Decision",
    "Exclusion",
    "ExclusionKind",
    "ExecutionRecord",
    "FaultKind",
    "ImportReport",
    "LabelChange",
    "Lease",
    "Outcome",
    "Policy",
    "PolicyPointer",
    "PolicySpan",
    "Pool",
    "Problem",
    "Purpose",
    "ReviewStatus",
    "Rollout",
    "Sampling",
    "Segment",
    "SegmentKind",
    "SkippedRow",
    "Split",
    "Support",
    "TemplateTwins",
    "accepted_answers",
    "is_text",
    "make_label",
    "rollout_id",
]
