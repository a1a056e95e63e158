"""The probability that a label is wrong, by the odds of two explanations and the policies' own record.

Several attempts agree on an answer that is not the label. Either the policy repeats an error, or the label is wrong.
Four statistics of the policy are fitted to all problems of the store and separate the two by Bayes' rule:

- how often it is right, and how often its errors repeat each other: rates that vary from problem to problem by a beta
  distribution. The answers of a policy that tends to repeat an error count for less.
- how many different programs lead to a right answer, and how many to an error: by Ewens' sampling formula (1972). An
  error that the policy has memorized comes from fewer programs than the truth.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

_GRID = tuple(0.02 * 1.25**step for step in range(50))  # candidates for concentrations and thetas: 0.02 to 1,100
_MIN_CASES = 30  # to fit a parameter; with fewer, its default is used

_EVEN_ODDS = 0.5


class Beta(NamedTuple):
    """The beta distribution of a rate over problems."""

    a: float
    b: float


class PolicyModel(NamedTuple):
    """The parameters of a policy's attempts.

    `accuracy`: the rate of attempts with the true answer. `error_agreement`: the rate of further errors that repeat the
    leading one. `truth_theta`, `error_theta`: Ewens' theta, for the programs behind right answers and behind errors;
    after i attempts with the same answer, the next one uses a new program with probability theta / (theta + i).
    """

    accuracy: Beta = Beta(2.0, 1.0)
    error_agreement: Beta = Beta(2.0, 2.0)
    truth_theta: float = 1.0
    error_theta: float = 1.0


class Votes(NamedTuple):
    """Counts of the attempts at a problem that gave an answer: of all, for the leading answer, and for the label.

    The leading answer is the most frequent one that is not the label. `programs` and `label_programs` count the
    different programs that reach the leading answer and the label.
    """

    attempts: int
    leading: int
    programs: int
    label: int
    label_programs: int


Cases = Mapping[tuple[int, int], int]
"""The number of problems for each (successes, trials), or for each (programs, attempts)."""


def probability_wrong(votes: Votes, model: PolicyModel, prior: float) -> float:
    """The probability, from 0 to 1, that the leading answer is right and the label is wrong.

    Args:
        votes: the attempts at the problem.
        model: the model of the policies that made them.
        prior: the share of wrong labels in such a data set, between 0 and 1.
    """
    attempts, leading, programs, label, _ = votes
    if leading == 0:
        return 0.0
    policy_wrong = _log_beta_binomial(label, attempts, model.accuracy)
    policy_wrong += _log_beta_binomial(leading - 1, attempts - label - 1, model.error_agreement)
    policy_wrong += _log_ewens(programs, leading, model.error_theta)
    # A wrong label is equally likely to be an error that policies make and one that only its author made.
    reached = (math.exp(_log_beta_binomial(label, attempts - leading, model.error_agreement)) + (label == 0)) / 2
    label_wrong = _log_beta_binomial(leading, attempts, model.accuracy) + math.log(reached)
    label_wrong += _log_ewens(programs, leading, model.truth_theta)
    log_odds = math.log(prior) - math.log1p(-prior) + label_wrong - policy_wrong
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def fit_policy_model(problems: Sequence[Votes], prior: float) -> PolicyModel:
    """The maximum-likelihood model of the attempts; a parameter with too few cases keeps its default.

    It is fitted twice. The second fit omits the problems whose label the first one finds more likely wrong than right,
    because the policy did not fail there.
    """
    first = _fit(problems)
    return _fit([votes for votes in problems if probability_wrong(votes, first, prior) <= _EVEN_ODDS])


def _fit(problems: Iterable[Votes]) -> PolicyModel:
    """Fit all parameters once.

    Those of errors use only problems whose label some attempts reach, which is therefore right. `error_agreement` uses
    only the hard ones of these.
    """
    accuracy: Counter[tuple[int, int]] = Counter()
    agreement, truths, errors = accuracy.copy(), accuracy.copy(), accuracy.copy()
    for votes in problems:
        accuracy[votes.label, votes.attempts] += 1
        if votes.label:
            truths[votes.label_programs, votes.label] += 1
        if votes.label and votes.leading:
            errors[votes.programs, votes.leading] += 1
            if votes.label <= votes.attempts / 2:
                agreement[votes.leading - 1, votes.attempts - votes.label - 1] += 1
    default = PolicyModel()
    return PolicyModel(
        accuracy=fit_beta(accuracy, default.accuracy),
        error_agreement=fit_beta(agreement, default.error_agreement),
        truth_theta=fit_theta(truths, default.truth_theta),
        error_theta=fit_theta(errors, default.error_theta),
    )


def fit_beta(cases: Cases, default: Beta) -> Beta:
    """The distribution of a rate over problems: the observed mean with the likeliest concentration."""
    trials = sum(n * problems for (_, n), problems in cases.items())
    if trials < _MIN_CASES:
        return default
    successes = sum(k * problems for (k, _), problems in cases.items())
    mean = (successes + 1) / (trials + 2)  # Laplace's rule: never 0 or 1
    candidates = [Beta(mean * concentration, (1 - mean) * concentration) for concentration in _GRID]
    return max(candidates, key=lambda beta: _log_likelihood(cases, lambda k, n: _log_beta_binomial(k, n, beta)))


def fit_theta(cases: Cases, default: float) -> float:
    """The likeliest theta of Ewens' formula."""
    if sum(problems for (_, attempts), problems in cases.items() if attempts > 1) < _MIN_CASES:
        return default
    return max(_GRID, key=lambda theta: _log_likelihood(cases, lambda d, n: _log_ewens(d, n, theta)))


def _log_likelihood(cases: Cases, log_probability: Callable[[int, int], float]) -> float:
    return sum(problems * log_probability(*case) for case, problems in cases.items())


def _log_beta_binomial(successes: int, trials: int, rate: Beta) -> float:
    """The log probability of this number of successes, if the rate is drawn from `rate`."""
    failures = trials - successes
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(failures + 1)
    return ways + _log_beta(successes + rate.a, failures + rate.b) - _log_beta(rate.a, rate.b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _log_ewens(programs: int, attempts: int, theta: float) -> float:
    """The log probability, by Ewens' formula, that the attempts use this number of different programs."""
    rising = math.lgamma(theta + attempts) - math.lgamma(theta)
    return _log_stirling(attempts)[programs - 1] + programs * math.log(theta) - rising


@cache
def _log_stirling(n: int) -> tuple[float, ...]:
    """Logs of the unsigned Stirling numbers of the first kind, for n items in 1 to n cycles."""
    row = [1]
    for size in range(1, n):
        row = [size * here + before for here, before in zip([*row, 0], [0, *row], strict=True)]
    return tuple(map(math.log, row))
