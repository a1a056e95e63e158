"""Promotion: whether a published policy is to be served, by the held-out problems that it and the served one solve.

`assess` only reads, and depends on nothing but the store and the configuration. The loop calls it whenever an
evaluation is finished, also again after a crash, and writes the decision with `record_decision`.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cluster.config.run_config import PromotionSettings, RunConfig
from cluster.loop.heldout import HELDOUT
from eval.comparison import Comparison, compare_pass_at_1
from eval.looks import Looks
from eval.promotion_rules import RULES, Verdict
from eval.promotion_text import describe_assessment
from store.records import Decision, Policy, Split
from store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known of a policy's promotion.

    `decision` is None while it is open. `more_problems` is the total number of held-out problems on which the policy is
    to be measured next: to decide, or, for the policy that is served, to have enough to compare its successors with.
    None if no more are needed.

    `against` is the policy that it was compared with, None for the first. `p_value` is the probability of a
    `comparison` as good as this or better if the policy did not meet the `rule`, and `error` what it had to be at most:
    1 less the confidence, or the share of it that this comparison may use.
    """

    decision: Decision | None
    reason: str
    more_problems: int | None = None
    rule: str | None = None
    margin: float | None = None
    against: int | None = None
    comparison: Comparison | None = None
    p_value: float | None = None
    error: float | None = None

    @classmethod
    def from_stored(
        cls, decision: Decision | None, stored: Mapping[str, Any], more_problems: int | None
    ) -> "Assessment":
        """The assessment that a decided policy is stored with."""
        comparison = stored.get("comparison")
        fields = {name: stored.get(name) for name in ("rule", "margin", "against", "p_value", "error")}
        return cls(
            decision,
            stored.get("reason") or "decided by an earlier version",
            more_problems,
            comparison=Comparison(**comparison) if comparison else None,
            **fields,
        )

    def to_stored(self) -> dict[str, Any]:
        """What the store keeps of it."""
        kept = asdict(self)
        del kept["decision"], kept["more_problems"]
        return kept


def assess(store: Store, policy: Policy, run: RunConfig) -> Assessment:
    """Whether a policy is to be promoted, and on how many more problems it is to be measured.

    Only finished evaluations count: attempts that arrive first are the short ones, and their problems no fair sample.
    """
    promoted = store.policies.promoted()
    is_served = promoted is not None and promoted.version == policy.version
    if policy.decision is not None and not is_served:
        return Assessment.from_stored(policy.decision, policy.assessment or {}, None)
    looks = _plan(store, run)
    measured = len(store.evaluations.benchmark_answers(policy.version, HELDOUT))
    if policy.decision is not None:
        more = looks.sizes[-1] if looks.next(measured) else None
        return Assessment.from_stored(policy.decision, policy.assessment or {}, more)
    if measured < looks.sizes[0]:
        return Assessment(None, "not measured yet", looks.sizes[0])
    if is_served:
        return Assessment(Decision.PROMOTED, "it was promoted by hand")
    if promoted is None:
        return Assessment(Decision.PROMOTED, "it is the first policy that was measured")
    return _assess_against(store, policy, promoted, run.promotion, looks)


def record_decision(store: Store, policy: Policy, assessment: Assessment) -> None:
    """Store a decision with what it rests on, in one transaction with the promotion. The first decision stays."""
    assert assessment.decision is not None, "the promotion is not decided yet"
    store.policies.decide(policy.version, assessment.decision, assessment.to_stored(), assessment.reason)
    log.info("policy %d: %s", policy.version, describe_assessment(assessment.decision, assessment.to_stored()))


def _plan(store: Store, run: RunConfig) -> Looks:
    """The planned numbers of problems: those of the configuration, as far as the store has them."""
    first = run.evaluation.problems
    budget = first if run.promotion.rule == "always" else max(run.promotion.max_problems, first)
    return Looks.plan(first, max(store.problems.count_up_to(budget, Split.HELDOUT), 1))


def _assess_against(
    store: Store, policy: Policy, promoted: Policy, settings: PromotionSettings, looks: Looks
) -> Assessment:
    ours, theirs = (store.evaluations.benchmark_answers(one.version, HELDOUT) for one in (policy, promoted))
    comparison = compare_pass_at_1(ours, theirs)
    if comparison is None or comparison.pairs is None:
        reason = f"policy {promoted.version}, promoted before, has no held-out problem in common with it"
        return Assessment(Decision.PROMOTED, reason, rule=settings.rule, against=promoted.version)
    more = _next_size(looks, len(ours), len(theirs)) if theirs.keys() - ours.keys() else None
    evidence = RULES[settings.rule](comparison.pairs, settings.margin)
    error = looks.error(len(ours), 1 - settings.confidence, is_last=more is None)
    verdict = evidence.verdict(error)
    decision = _decision(verdict, is_last=more is None)
    return Assessment(
        decision,
        _reason(verdict, settings, promoted.version),
        more if decision is None else None,
        settings.rule,
        settings.margin,
        promoted.version,
        comparison,
        evidence.p_promote,
        error,
    )


def _next_size(looks: Looks, ours: int, theirs: int) -> int | None:
    """The next number of problems, but no more than the promoted policy was measured on."""
    planned = looks.next(ours)
    return planned if planned is None or theirs <= ours else min(planned, theirs)


def _decision(verdict: Verdict, *, is_last: bool) -> Decision | None:
    if verdict is Verdict.PROMOTE:
        return Decision.PROMOTED
    return Decision.NOT_PROMOTED if verdict is Verdict.REJECT or is_last else None


def _reason(verdict: Verdict, settings: PromotionSettings, other: int) -> str:
    margin = f"{100 * settings.margin:.1f} points"
    match settings.rule, verdict:
        case "better", Verdict.PROMOTE:
            return f"it is better than policy {other}"
        case "better", Verdict.REJECT:
            return f"it is worse than policy {other}"
        case "not_worse", Verdict.PROMOTE:
            return f"it is not worse than policy {other} by {margin} or more"
        case "not_worse", Verdict.REJECT:
            return f"it is worse than policy {other} by more than {margin}"
        case "always", _:
            return "the rule promotes every policy"
    if settings.rule == "better":
        return f"undecided, not shown to be better or worse than policy {other}"
    return f"undecided, not shown to be worse than policy {other} by {margin}, or by less"
