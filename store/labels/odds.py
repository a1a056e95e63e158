"""How sure attempts make us that a label is wrong: the odds of two explanations, by the policy's own record.

Several attempts agree on an answer that is not the label. Either the policy repeats a mistake, or the label is one.
Four habits of the policy are fitted to all problems of the store, and tell the two apart by Bayes' rule:

- how often it is right, and how often its mistakes repeat each other: rates that vary from problem to problem by a beta
  distribution. A policy that insists on mistakes is believed less.
- how many different programs lead it to a right answer, and how many to a mistake: by Ewens' sampling formula (1972).
  A mistake that it learned by heart comes from fewer programs than the truth.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

_GRID = tuple(0.02 * 1.25**step for step in range(50))  # spreads and varieties that are tried: 0.02 to 1,100
_FEWEST_CASES = 30  # that a habit can be told from; with less its guess holds

_EVEN = 0.5


class Beta(NamedTuple):
    """A rate that varies from problem to problem."""

    a: float
    b: float


class Habits(NamedTuple):
    """What is known of a policy.

    `right`: the rate of attempts that reach the truth. `echo`: the rate of further mistakes that repeat the leading
    one. `truth_variety`, `mistake_variety`: Ewens' theta; behind i attempts with the same answer, the next one comes by
    a new program with the chance theta / (theta + i).
    """

    right: Beta = Beta(2.0, 1.0)
    echo: Beta = Beta(2.0, 2.0)
    truth_variety: float = 1.0
    mistake_variety: float = 1.0


class Votes(NamedTuple):
    """The attempts at a problem that gave an answer, and those of them for the leading one and for the label.

    The leading answer is the most frequent one that is not the label; so many different `programs` reach it, and so
    many `label_programs` the label.
    """

    attempts: int
    leading: int
    programs: int
    label: int
    label_programs: int


Cases = Mapping[tuple[int, int], int]
"""How many problems had so many (successes, trials), or (programs, attempts)."""


def probability_wrong(votes: Votes, habits: Habits, prior: float) -> float:
    """The probability from 0 to 1 that the leading answer is right and the label is not.

    Args:
        votes: the attempts at the problem.
        habits: of the policies that made them.
        prior: the share of labels that are wrong in such a data set, between 0 and 1.
    """
    attempts, leading, programs, label, _ = votes
    if leading == 0:
        return 0.0
    policy_errs = _log_rate(label, attempts, habits.right) + _log_rate(leading - 1, attempts - label - 1, habits.echo)
    policy_errs += _log_variety(programs, leading, habits.mistake_variety)
    # The label is then as likely a mistake that policies make as one that only its author made.
    reached = (math.exp(_log_rate(label, attempts - leading, habits.echo)) + (label == 0)) / 2
    label_errs = _log_rate(leading, attempts, habits.right) + math.log(reached)
    label_errs += _log_variety(programs, leading, habits.truth_variety)
    log_odds = math.log(prior) - math.log1p(-prior) + label_errs - policy_errs
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def fit_habits(problems: Sequence[Votes], prior: float) -> Habits:
    """The habits that make the attempts likeliest, or a guess where there is too little to tell.

    Fitted twice: the second time without the problems whose label the first finds more likely wrong than right, because
    there the policy did not fail.
    """
    first = _fit(problems)
    return _fit([votes for votes in problems if probability_wrong(votes, first, prior) <= _EVEN])


def _fit(problems: Iterable[Votes]) -> Habits:
    """Mistakes are judged by problems whose label was reached now and then, and is therefore right, and are hard."""
    right: Counter[tuple[int, int]] = Counter()
    echo, truths, mistakes = right.copy(), right.copy(), right.copy()
    for votes in problems:
        right[votes.label, votes.attempts] += 1
        if votes.label:
            truths[votes.label_programs, votes.label] += 1
        if votes.label and votes.leading:
            mistakes[votes.programs, votes.leading] += 1
            if votes.label <= votes.attempts / 2:
                echo[votes.leading - 1, votes.attempts - votes.label - 1] += 1
    guess = Habits()
    return Habits(
        right=fit_rate(right, guess.right),
        echo=fit_rate(echo, guess.echo),
        truth_variety=fit_variety(truths, guess.truth_variety),
        mistake_variety=fit_variety(mistakes, guess.mistake_variety),
    )


def fit_rate(cases: Cases, guess: Beta) -> Beta:
    """The distribution of a rate over problems: its mean as observed, its spread the likeliest."""
    trials = sum(n * problems for (_, n), problems in cases.items())
    if trials < _FEWEST_CASES:
        return guess
    successes = sum(k * problems for (k, _), problems in cases.items())
    mean = (successes + 1) / (trials + 2)  # Laplace's rule: never 0 or 1
    candidates = [Beta(mean * spread, (1 - mean) * spread) for spread in _GRID]
    return max(candidates, key=lambda beta: _log_likelihood(cases, lambda k, n: _log_rate(k, n, beta)))


def fit_variety(cases: Cases, guess: float) -> float:
    """The likeliest theta."""
    if sum(problems for (_, attempts), problems in cases.items() if attempts > 1) < _FEWEST_CASES:
        return guess
    return max(_GRID, key=lambda theta: _log_likelihood(cases, lambda d, n: _log_variety(d, n, theta)))


def _log_likelihood(cases: Cases, log_probability: Callable[[int, int], float]) -> float:
    return sum(problems * log_probability(*case) for case, problems in cases.items())


def _log_rate(successes: int, trials: int, rate: Beta) -> float:
    """The beta-binomial: the log probability of so many successes where the rate is drawn from `rate`."""
    failures = trials - successes
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(failures + 1)
    return ways + _log_beta(successes + rate.a, failures + rate.b) - _log_beta(rate.a, rate.b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_variety(programs: int, attempts: int, theta: float) -> float:
    """Ewens: the log probability that so many attempts come by so many different programs."""
    rising = math.lgamma(theta + attempts) - math.lgamma(theta)
    return _log_stirling(attempts)[programs - 1] + programs * math.log(theta) - rising


@cache
def _log_stirling(n: int) -> tuple[float, ...]:
    """Logs of the unsigned Stirling numbers of the first kind for n items in 1 to n cycles."""
    row = [1]
    for size in range(1, n):
        row = [size * here + before for here, before in zip([*row, 0], [0, *row], strict=True)]
    return tuple(map(math.log, row))
