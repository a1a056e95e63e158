"""Promotion: a published policy is served from then on unless it is worse on the held-out problems."""

import logging
from dataclasses import dataclass

from cluster.config.run_config import RunConfig
from eval.comparison import Comparison, compare_pass_at_1
from eval.figure_text import describe_comparison
from store.records import Decision, Policy
from store.runs.evaluations import Evaluations
from store.store import Store

log = logging.getLogger(__name__)

HELDOUT = "heldout"
"""The benchmark whose greedy pass@1 decides on promotion."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the held-out problems say about a policy. Without a decision, `more_problems` should be measured first."""

    decision: Decision | None
    comparison: Comparison | None
    more_problems: int | None = None


def assess(store: Store, policy: Policy, run: RunConfig) -> Assessment:
    """Compare a measured policy with the promoted one: it is not promoted if it solves fewer held-out problems."""
    promoted = store.policies.promoted()
    if promoted is None or promoted.version == policy.version:
        return Assessment(Decision.PROMOTED, None)
    comparison = _compare(store.evaluations, policy, promoted)
    worse = comparison is not None and comparison.ours < comparison.theirs - run.evaluation.tolerance
    return Assessment(Decision.NOT_PROMOTED if worse else Decision.PROMOTED, comparison)


def record_decision(store: Store, policy: Policy, assessment: Assessment) -> None:
    """Store the decision, and promote the policy if that is what was decided."""
    assert assessment.decision is not None
    store.policies.decide(policy.version, assessment.decision)
    described = describe_comparison(assessment.comparison) if assessment.comparison else "nothing to compare with"
    log.info("policy %d: %s; %s", policy.version, described, assessment.decision.value)


def _compare(evaluations: Evaluations, policy: Policy, promoted: Policy) -> Comparison | None:
    return compare_pass_at_1(*(evaluations.benchmark_answers(one.version, HELDOUT) for one in (policy, promoted)))
