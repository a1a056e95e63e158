"""Promotion: a published policy is served from then on unless it is worse on the held-out problems."""

from eval.metrics import compare_pass_at_1
from store.records import Policy
from store.runs.evaluations import Evaluations
from store.store import Store

HELDOUT = "heldout"
"""The benchmark whose greedy pass@1 decides on promotion."""


def promote_unless_worse(store: Store, policy: Policy, tolerance: float) -> None:
    """Promote a measured policy unless it solves fewer held-out problems than the promoted one (see `is_worse`)."""
    promoted = store.policies.promoted()
    if promoted is None or not is_worse(store.evaluations, policy, promoted, tolerance):
        store.policies.promote(policy.version)


def is_worse(evaluations: Evaluations, policy: Policy, promoted: Policy, tolerance: float) -> bool:
    """Whether pass@1 of `policy` is below that of `promoted` by more than `tolerance` (a share from 0 to 1).

    Compared on the held-out problems that both were measured on: problems imported in between would favour one.
    """
    scores = compare_pass_at_1(*(evaluations.benchmark_answers(one.version, HELDOUT) for one in (policy, promoted)))
    return scores is not None and scores[0] < scores[1] - tolerance
