"""Exact tests and limits of a paired difference: two policies' correct answers to the same problems.

A problem that both policies solve, or neither, says nothing about which is better. The discordant ones decide: those
gained, which only ours solves, and those lost, which only theirs solves. Nothing relies on their number being large.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc, betainc, gammaln, xlog1py, xlogy

type _Counts = npt.NDArray[np.int64]
type _Floats = npt.NDArray[np.float64]

_RATES = 128  # of lost problems, over which a p-value is maximised
_TIE = 1e-9  # scores that differ by less are equal: rounding must not make an outcome less extreme than itself
_SPREAD = 9  # standard deviations, beyond which the number of lost problems does not matter
_RESOLUTION = 1e-4  # of limits, a hundredth of a point


@dataclass(frozen=True, slots=True)
class Pairs:
    """Outcomes of two policies on the same `n` problems: `gained` are solved by ours alone, `lost` by theirs alone."""

    gained: int
    lost: int
    n: int

    @property
    def difference(self) -> float:
        """The share of problems that ours solves less that of theirs."""
        return (self.gained - self.lost) / self.n

    @property
    def swapped(self) -> "Pairs":
        """The same from the other policy's side."""
        return Pairs(self.lost, self.gained, self.n)


def p_not_better(pairs: Pairs) -> float:
    """The p-value of the hypothesis that ours is not better than theirs.

    The exact McNemar test, one-sided: if neither is better, each discordant problem is gained or lost like the toss of
    a coin (McNemar 1947; it is the sign test).
    """
    return float(bdtrc(pairs.gained - 1, pairs.gained + pairs.lost, 0.5)) if pairs.gained else 1.0


@lru_cache(maxsize=1024)
def p_at_most(pairs: Pairs, difference: float) -> float:
    """The p-value of the hypothesis that the true difference is at most `difference`, from -1 to 1.

    An exact unconditional test: the probability of an outcome with this score of Tango (1998, "Equivalence test and
    confidence interval for the difference in proportions for the paired-sample design") or a higher one, at the least
    favourable rate of lost problems (Hsueh, Liu and Chen 2001, "Unconditional exact tests for equivalence or
    noninferiority for paired binary endpoints"). It holds for any number of discordant problems, none included, and
    takes 0.1 s for 5,000 problems.
    """
    observed = float(_score(np.array([pairs.gained]), np.array([pairs.lost]), pairs.n, difference)[0])
    if observed == -np.inf:
        return 1.0
    needed = _least_gained(pairs.n, difference, observed)
    return min(max(_probability(needed, pairs.n, rate, difference) for rate in _rates(difference)), 1.0)


@lru_cache(maxsize=1024)
def lower_limit(pairs: Pairs, tail: float) -> float:
    """The lower limit of the true difference that is too high with a probability of at most `tail`.

    The test of `p_at_most` inverted (Lloyd and Moldovan 2007, "Exact one-sided confidence limits for the difference
    between two correlated proportions"), rounded down to a hundredth of a point.
    """
    low, high = round(-1 / _RESOLUTION), int(np.floor(pairs.difference / _RESOLUTION))
    step = 64
    while high - step > low and p_at_most(pairs, (high - step) * _RESOLUTION) > tail:
        high, step = high - step, 2 * step
    low = max(low, high - step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if p_at_most(pairs, middle * _RESOLUTION) > tail else (middle, high)
    return round(low * _RESOLUTION, 4)


def difference_interval(pairs: Pairs, confidence: float) -> tuple[float, float]:
    """The interval of the true difference: exact limits that are wrong by at most (1 - confidence) / 2 on each side."""
    tail = (1 - confidence) / 2
    return lower_limit(pairs, tail), -lower_limit(pairs.swapped, tail)


def _score(gained: _Counts, lost: _Counts, n: int, difference: float) -> _Floats:
    """Tango's score: the excess of gained problems over the hypothesis, in standard errors under the hypothesis."""
    linear = -gained - lost + (2 * n - gained + lost) * difference
    product = lost * difference * (1 - difference)
    lost_rate = (np.sqrt(np.maximum(linear * linear + 8 * n * product, 0)) - linear) / (4 * n)
    variance = n * (2 * lost_rate + difference * (1 - difference))
    excess = gained - lost - n * difference
    certain = variance < _TIE  # the hypothesis allows a single outcome
    with np.errstate(divide="ignore", invalid="ignore"):
        score = excess / np.sqrt(variance)
    extreme = np.where(np.abs(excess) < _TIE, 0.0, np.copysign(np.inf, excess))
    return np.where(certain, extreme, score)


def _least_gained(n: int, difference: float, score: float) -> _Counts:
    """The least number of gained problems with this score or a higher one, by the number of lost ones, 0 to n.

    The score rises with the gained problems, so that halving finds it; n - lost + 1 if no number is enough.
    """
    lost = np.arange(n + 1)
    low, high = np.zeros(n + 1, np.int64), n - lost + 1
    while (low < high).any():
        middle = (low + high) // 2
        enough = _score(np.minimum(middle, n - lost), lost, n, difference) >= score - _TIE
        high = np.where((low < high) & enough, middle, high)
        low = np.where((low < high) & ~enough, middle + 1, low)
    return low


def _rates(difference: float) -> _Floats:
    """Rates of lost problems that are possible with a difference, closer to each other where they are low."""
    least, most = max(-difference, 0.0), (1 - difference) / 2
    return least + (most - least) * np.linspace(0, 1, _RATES) ** 2


def _probability(needed: _Counts, n: int, rate: float, difference: float) -> float:
    """The probability of at least the `needed` gained problems, given the rate of lost ones."""
    reach = int(_SPREAD * np.sqrt(n * rate * (1 - rate))) + 4 * _SPREAD  # the latter for rates near zero
    lost = np.arange(max(int(n * rate) - reach, 0), min(int(n * rate) + reach, n) + 1)
    log_p = gammaln(n + 1) - gammaln(lost + 1) - gammaln(n - lost + 1) + xlogy(lost, rate) + xlog1py(n - lost, -rate)
    gain_rate = min(max((rate + difference) / (1 - rate), 0.0), 1.0) if rate < 1 else 0.0  # of those that are not lost
    least, left = needed[lost], n - lost
    enough = betainc(np.maximum(least, 1), np.maximum(left - least + 1, 1), gain_rate)
    enough = np.where(least <= 0, 1.0, np.where(least > left, 0.0, enough))
    return float(np.exp(log_p) @ enough)
