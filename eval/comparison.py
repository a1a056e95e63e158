"""Comparison of two policies on the same problems."""

from dataclasses import dataclass

from eval.intervals import bootstrap_interval, standard_error
from eval.metrics import Answers, pass_at_1, readable_answers, without_faults


@dataclass(frozen=True, slots=True)
class Comparison:
    """pass@1 of two policies on the `n` problems that both were measured on, shares from 0 to 1.

    `difference` is ours less theirs, the mean of the differences on each problem. `standard_error` (None for a single
    problem) and the 95 % interval from `low` to `high` are its own. They are smaller than those of the difference of
    two independent figures as far as the policies solve the same problems (Miller 2024, arXiv 2411.00640).
    """

    ours: float
    theirs: float
    difference: float
    n: int
    standard_error: float | None
    low: float
    high: float


def compare_pass_at_1(ours: Answers, theirs: Answers) -> Comparison | None:
    """pass@1 of two policies on the problems that both were measured on, None if there are none.

    Problems that only one was measured on, such as those imported in between, would favour one of them. Problems whose
    reference could not be read are left out as in `eval.metrics`.
    """
    ours, theirs = (without_faults(readable_answers(answers)) for answers in (ours, theirs))
    common = [problem for problem in ours if problem in theirs]
    if not common:
        return None
    our_scores, their_scores = (pass_at_1([answers[problem] for problem in common]) for answers in (ours, theirs))
    differences = our_scores - their_scores
    low, high = bootstrap_interval(differences, -1.0, 1.0)
    return Comparison(
        ours=float(our_scores.mean()),
        theirs=float(their_scores.mean()),
        difference=float(differences.mean()),
        n=len(common),
        standard_error=standard_error(differences),
        low=low,
        high=high,
    )
