"""When decisions settle an item: two reviewers that agree, or a third where they do not. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from store.records import ReviewVerdict

DOUBLE, WITH_THIRD = 2, 3


@dataclass(frozen=True, slots=True)
class Settlement:
    """How many decisions an item needs, and its verdict once they are there: accept, reject, or unsure."""

    needed: int
    verdict: ReviewVerdict | None


def settle(verdicts: Sequence[ReviewVerdict]) -> Settlement:
    """The settlement by the decisions in effect on an item, each by another reviewer.

    To edit a solution is to reject it. Two that agree settle the item; of more, the verdict that more than one and
    more than any other have. Where three differ, it is unsure: nothing follows.
    """
    votes = Counter(_vote(verdict) for verdict in verdicts)
    if len(verdicts) < DOUBLE:
        return Settlement(DOUBLE, None)
    if len(verdicts) == DOUBLE:
        return Settlement(DOUBLE, _vote(verdicts[0])) if len(votes) == 1 else Settlement(WITH_THIRD, None)
    (verdict, most), *others = votes.most_common()
    is_clear = most > 1 and all(count < most for _, count in others)
    return Settlement(WITH_THIRD, verdict if is_clear else ReviewVerdict.UNSURE)


def _vote(verdict: ReviewVerdict) -> ReviewVerdict:
    assert verdict is not ReviewVerdict.UNDO
    return ReviewVerdict.REJECT if verdict is ReviewVerdict.EDIT else verdict
