"""What comes first in a queue: disagreement, doubt and value of information. Pure; docs/review.md explains them."""

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from store.records import ReviewReason, ReviewVerdict

CONFLICT = 10.0
"""Added to the disagreement of an item whose two reviewers differ; attempts alone reach a few bits at most."""

PRIORS: Mapping[ReviewReason, tuple[float, float]] = {
    ReviewReason.UNSUPPORTED: (1.0, 1.0),
    ReviewReason.UNDECIDED: (1.0, 1.0),
    ReviewReason.UNVERIFIABLE: (1.0, 1.0),
    ReviewReason.CHECKER_FAULT: (1.0, 1.0),
    ReviewReason.SPOT_CHECK: (9.5, 0.5),
}
"""Pseudo-counts (right, wrong) of solutions, as a beta distribution, before people have decided on any."""


class Scores(NamedTuple):
    """The numbers by which queues are ordered. `doubt` is in bits, `value` in samples times bits."""

    disagreement: float
    doubt: float
    value: float


def score(belief: float, samples: int, counts: Collection[float]) -> Scores:
    """The scores of an item.

    Args:
        belief: the probability that what it asks about is right.
        samples: the training samples that hang on the decision.
        counts: how many attempts at the problem gave each answer, or were right and wrong.
    """
    doubt = entropy((belief, 1 - belief))
    return Scores(entropy(counts), doubt, max(samples, 1) * doubt)


def belief(reason: ReviewReason, settled: Mapping[tuple[ReviewReason, ReviewVerdict], int]) -> float:
    """The probability that a solution is right, by what people decided on those that are in a queue for that reason."""
    right, wrong = PRIORS[reason]
    right += settled.get((reason, ReviewVerdict.ACCEPT), 0)
    wrong += settled.get((reason, ReviewVerdict.REJECT), 0)
    return right / (right + wrong)


def entropy(counts: Collection[float]) -> float:
    """The entropy [bits] of a distribution that is given by counts or shares; 0 for none."""
    total = sum(counts)
    shares = [count / total for count in counts if count > 0] if total > 0 else []
    return max(0.0, -sum(share * math.log2(share) for share in shares))
