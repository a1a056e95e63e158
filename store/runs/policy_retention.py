"""Policy retention: which policies keep their folders. The rows of pruned ones stay, with their figures and lineage.

Kept in any case are the base, the best by pass@1, those without a decision on their promotion, and those in use: by a
sampler that reported within the last hour, by an evaluation that lacks attempts, or by an open iteration.
"""

from collections.abc import Iterator

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from store.database.tables import (
    AssignmentRow,
    EvaluationMetricRow,
    EvaluationRow,
    IterationRow,
    PolicyRow,
    PromotionRow,
    SamplerRow,
)
from store.records import Purpose
from store.runs.samplers import SamplerState
from store.settings import PolicyRetentionSettings

_SILENT_S = 3600.0  # a sampler that reports nothing for so long is gone, and loads the current policy if it comes back


def kept(session: Session, settings: PolicyRetentionSettings, benchmark: str, now: float) -> dict[int, list[str]]:
    """The reasons for which policies are kept, by version. The best is that with the highest pass@1 on `benchmark`."""
    reasons: dict[int, list[str]] = {}
    for version, reason in _reasons(session, settings, benchmark, now):
        found = reasons.setdefault(version, [])
        if reason not in found:
            found.append(reason)
    return reasons


def mark_pruned(session: Session, settings: PolicyRetentionSettings, benchmark: str, now: float) -> list[int]:
    """Mark the policies that are not kept as pruned; returns the versions of those that were not marked before."""
    candidates = select(PolicyRow.version).where(PolicyRow.pruned_at.is_(None)).order_by(PolicyRow.version)
    versions = session.scalars(candidates.with_for_update()).all()  # none is promoted meanwhile
    needed = kept(session, settings, benchmark, now)
    pruned = [version for version in versions if version not in needed]
    for version in pruned:
        session.execute(update(PolicyRow).where(PolicyRow.version == version).values(pruned_at=now))
    return pruned


def _reasons(
    session: Session, settings: PolicyRetentionSettings, benchmark: str, now: float
) -> Iterator[tuple[int, str]]:
    present = PolicyRow.pruned_at.is_(None)
    promoted = _latest_promoted(session, settings.keep_promoted)
    queries = {
        "base": select(PolicyRow.version).where(PolicyRow.parent.is_(None)),
        "latest": select(PolicyRow.version).where(present).order_by(PolicyRow.version.desc()).limit(settings.keep_last),
        "undecided": select(PolicyRow.version).where(
            present, PolicyRow.decision.is_(None), PolicyRow.parent.is_not(None)
        ),
        "sampling": select(SamplerRow.policy_version).where(
            SamplerRow.state != SamplerState.ENDED, SamplerRow.reported_at > now - _SILENT_S
        ),
        "evaluation": select(EvaluationRow.policy_version)
        .join(AssignmentRow, AssignmentRow.evaluation_id == EvaluationRow.id)
        .where(AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == Purpose.EVAL)
        .distinct(),
        "iteration": select(IterationRow.policy_version).where(IterationRow.closed_at.is_(None)),
    }
    yield from ((version, "served" if place == 0 else "promoted before") for place, version in enumerate(promoted))
    best = _best(session, benchmark)
    if best is not None:
        yield best, "best"
    for reason, query in queries.items():
        yield from ((version, reason) for version in session.scalars(query) if version is not None)


def _latest_promoted(session: Session, limit: int) -> list[int]:
    """The versions of the latest promotions, each once, the served one first."""
    latest = select(PromotionRow.policy_version, func.max(PromotionRow.id)).group_by(PromotionRow.policy_version)
    rows = session.execute(latest.order_by(func.max(PromotionRow.id).desc()).limit(limit))
    return [version for version, _ in rows]


def _best(session: Session, benchmark: str) -> int | None:
    """The policy with the highest pass@1 of its latest evaluation that is not pruned; of equal ones the latest."""
    query = (
        select(EvaluationRow.policy_version, EvaluationMetricRow.value)
        .join(EvaluationMetricRow, EvaluationMetricRow.evaluation_id == EvaluationRow.id)
        .join(PolicyRow, PolicyRow.version == EvaluationRow.policy_version)
        .where(EvaluationRow.benchmark == benchmark, EvaluationMetricRow.metric == "pass@1")
        .where(PolicyRow.pruned_at.is_(None))
        .order_by(EvaluationRow.id)
    )
    scores = {row.policy_version: row.value for row in session.execute(query)}  # of each policy the last row stays
    return max(scores, key=lambda version: (scores[version], version), default=None)
