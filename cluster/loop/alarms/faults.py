"""A warning about iterations of which a large share ended in faults."""

from collections.abc import Mapping

from store.outcomes import fault_share

HIGH_SHARE = 0.05
"""The share of faults in an iteration's rollouts above which the operator is warned."""


def fault_warning(iteration: int, outcomes: Mapping[str, int], faults: Mapping[str, int]) -> str | None:
    """The warning about an iteration, None if its share of faults is low.

    Args:
        iteration: its number.
        outcomes: counts of its rollouts by outcome.
        faults: counts of its faults by kind.
    """
    share = fault_share(outcomes)
    if share is None or share <= HIGH_SHARE:
        return None
    return (
        f"{100 * share:.1f} % of the attempts of iteration {iteration} ended in a fault ({describe_kinds(faults)}). "
        "They do not count against the policy, and they train nothing. The samplers' logs have the reasons, "
        "`automathes doctor` checks a machine."
    )


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Counts by kind of fault as text, such as "sandbox 12, checker 3"."""
    return ", ".join(f"{kind} {count:,}" for kind, count in sorted(counts.items(), key=lambda item: -item[1]))
