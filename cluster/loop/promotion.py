"""Promotion: a published policy is served from then on unless it is worse on the held-out problems."""

import logging

from eval.comparison import Comparison, compare_pass_at_1
from eval.figure_text import describe_comparison
from store.records import Policy
from store.runs.evaluations import Evaluations
from store.store import Store

log = logging.getLogger(__name__)

HELDOUT = "heldout"
"""The benchmark whose greedy pass@1 decides on promotion."""


def promote_unless_worse(store: Store, policy: Policy, tolerance: float) -> Comparison | None:
    """Promote a measured policy unless it solves fewer held-out problems than the promoted one (see `is_worse`).

    Returns:
        Its comparison with the policy that was promoted before; None if there is no other.
    """
    promoted = store.policies.promoted()
    if promoted is None or promoted.version == policy.version:
        store.policies.promote(policy.version)
        return None
    comparison = _compare(store.evaluations, policy, promoted)
    worse = _is_worse(comparison, tolerance)
    if not worse:
        store.policies.promote(policy.version)
    difference = "no problem in common" if comparison is None else describe_comparison(comparison)
    decision = "not promoted" if worse else "promoted"
    log.info("policy %d against policy %d: %s; %s", policy.version, promoted.version, difference, decision)
    return comparison


def is_worse(evaluations: Evaluations, policy: Policy, promoted: Policy, tolerance: float) -> bool:
    """Whether pass@1 of `policy` is below that of `promoted` by more than `tolerance` (a share from 0 to 1).

    Compared on the held-out problems that both were measured on: problems imported in between would favour one. The
    figures themselves decide, not their interval: `tolerance` is the loss that is accepted.
    """
    return _is_worse(_compare(evaluations, policy, promoted), tolerance)


def _compare(evaluations: Evaluations, policy: Policy, promoted: Policy) -> Comparison | None:
    return compare_pass_at_1(*(evaluations.benchmark_answers(one.version, HELDOUT) for one in (policy, promoted)))


def _is_worse(comparison: Comparison | None, tolerance: float) -> bool:
    return comparison is not None and comparison.ours < comparison.theirs - tolerance
