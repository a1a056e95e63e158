"""Comparison of two policies on the same problems."""

from dataclasses import dataclass

from eval.intervals import CONFIDENCE, bootstrap_interval, standard_error
from eval.metrics import Answers, pass_at_1, readable_answers, without_faults
from eval.paired import Pairs, difference_interval
from store.records import Outcome


@dataclass(frozen=True, slots=True)
class Comparison:
    """pass@1 of two policies on the `n` problems that both were measured on, shares from 0 to 1.

    `difference` is ours less theirs, the mean of the differences on each problem. `standard_error` (None for a single
    problem) and the 95 % interval from `low` to `high` are its own. They are smaller than those of the difference of
    two independent figures as far as the policies solve the same problems (Miller 2024, arXiv 2411.00640).

    Of the first attempts at each problem, `gained` are correct in ours alone and `lost` in theirs alone. Both are None
    in comparisons of earlier versions.
    """

    ours: float
    theirs: float
    difference: float
    n: int
    standard_error: float | None
    low: float
    high: float
    gained: int | None = None
    lost: int | None = None

    @property
    def pairs(self) -> Pairs | None:
        """What exact tests need."""
        return None if self.gained is None or self.lost is None else Pairs(self.gained, self.lost, self.n)


def compare_pass_at_1(ours: Answers, theirs: Answers) -> Comparison | None:
    """pass@1 of two policies on the problems that both were measured on, None if there are none.

    Problems that only one was measured on, such as those imported in between, would favour one of them. Problems whose
    reference could not be read are left out as in `eval.metrics`. A system fault is no attempt: what is compared is the
    first attempt at each problem that is none.

    The interval is exact if both have one attempt at each problem (`eval.paired`), and a bootstrap over problems
    otherwise.
    """
    ours, theirs = (without_faults(readable_answers(answers)) for answers in (ours, theirs))
    common = [problem for problem in ours if problem in theirs]
    if not common:
        return None
    our_scores, their_scores = (pass_at_1([answers[problem] for problem in common]) for answers in (ours, theirs))
    differences = our_scores - their_scores
    pairs = _pairs(ours, theirs, common)
    single = all(len(answers[problem]) == 1 for answers in (ours, theirs) for problem in common)
    low, high = difference_interval(pairs, CONFIDENCE) if single else bootstrap_interval(differences, -1.0, 1.0)
    return Comparison(
        ours=float(our_scores.mean()),
        theirs=float(their_scores.mean()),
        difference=float(differences.mean()),
        n=len(common),
        standard_error=standard_error(differences),
        low=low,
        high=high,
        gained=pairs.gained,
        lost=pairs.lost,
    )


def _pairs(ours: Answers, theirs: Answers, common: list[str]) -> Pairs:
    solved = [[answers[problem][0].outcome is Outcome.ACCEPTED for problem in common] for answers in (ours, theirs)]
    gained = sum(mine and not other for mine, other in zip(*solved, strict=True))
    lost = sum(other and not mine for mine, other in zip(*solved, strict=True))
    return Pairs(gained, lost, len(common))
