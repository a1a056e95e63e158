"""Promotion rules: what the paired outcomes of two policies must show for the new one to be promoted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from eval.paired import Pairs, p_at_most, p_not_better


class Verdict(StrEnum):
    """What the outcomes show at a given probability of error."""

    PROMOTE = "promote"
    REJECT = "reject"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`p_promote` is the p-value of the hypothesis that promotion would be wrong, `p_reject` that it would be right."""

    p_promote: float
    p_reject: float

    def verdict(self, error: float) -> Verdict:
        """The verdict whose probability of being wrong is at most `error`."""
        if self.p_promote <= error:
            return Verdict.PROMOTE
        return Verdict.REJECT if self.p_reject <= error else Verdict.UNDECIDED


def better(pairs: Pairs, margin: float) -> Evidence:
    """The new policy solves more problems; it is rejected if it solves fewer. The margin does not matter."""
    return Evidence(p_not_better(pairs), p_not_better(pairs.swapped))


def not_worse(pairs: Pairs, margin: float) -> Evidence:
    """The new policy is worse by less than the margin; it is rejected if it is worse by more."""
    return Evidence(p_at_most(pairs, -margin), p_at_most(pairs.swapped, margin))


def always(pairs: Pairs, margin: float) -> Evidence:
    """Nothing need be shown."""
    return Evidence(0.0, 1.0)


RULES: Mapping[str, Callable[[Pairs, float], Evidence]] = {"better": better, "not_worse": not_worse, "always": always}
"""By the value of `promotion.rule`. Each is given the outcomes and `promotion.margin`, a share from 0 to 1."""
