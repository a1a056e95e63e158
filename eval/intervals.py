"""Standard errors and intervals of means over problems.

The problem is the unit: its score is the mean of its attempts, and the problems are a sample of those that might have
been asked (Miller 2024, "Adding error bars to evals", arXiv 2411.00640). Several attempts at a problem depend on each
other, so that a binomial error over all attempts would be too small.
"""

import numpy as np
import numpy.typing as npt

from store.runs.figures import Figure

type Scores = npt.NDArray[np.float64]
"""One score per problem, shape (problems,)."""

CONFIDENCE = 0.95
"""The probability with which an interval covers the true mean."""

_RESAMPLES = 10_000
_SEED = 0  # the same scores always get the same interval
_MAX_CELLS = 1 << 21  # of a table of resamples: 16 MiB


def mean_figure(scores: Scores, missing: int) -> Figure:
    """The mean of shares from 0 to 1, with its errors. `missing` problems have no score, for lack of samples."""
    low, high = bootstrap_interval(scores, 0.0, 1.0)
    return Figure(float(scores.mean()), len(scores), standard_error(scores), low, high, missing)


def standard_error(scores: Scores) -> float | None:
    """The standard error of the mean, None for a single score.

    The square root of the variance between the scores over their number (Miller 2024, arXiv 2411.00640). With several
    attempts per problem it includes the variance within problems, and is what he calls clustered by problem.
    """
    return float(np.sqrt(scores.var(ddof=1) / len(scores))) if len(scores) > 1 else None


def bootstrap_interval(scores: Scores, lowest: float, highest: float) -> tuple[float, float]:
    """The 95 % percentile interval of the mean over 10,000 resamples of the problems (Efron 1979).

    If all scores are equal, so are all resamples, and the interval would have no length. Then it is the exact one: with
    95 % probability at most a share 1 - 0.05 ** (1 / n) of problems scores otherwise, from `lowest` to `highest` (the
    rule of three, Hanley and Lippman-Hand 1983).
    """
    values, counts = np.unique(scores, return_counts=True)
    if len(values) == 1:
        share = 1 - (1 - CONFIDENCE) ** (1 / len(scores))
        value = float(values[0])
        return value + share * (lowest - value), value + share * (highest - value)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(_resampled_means(values, counts), [tail, 1 - tail])
    return float(low), float(high)


def _resampled_means(values: Scores, counts: npt.NDArray[np.int64]) -> Scores:
    """The means of resamples, shape (resamples,).

    Draws with replacement take each distinct value a multinomial number of times. Drawing these numbers gives the same
    distribution as drawing problems, at a cost that does not depend on the number of problems.
    """
    rng, n = np.random.default_rng(_SEED), int(counts.sum())
    rows = max(_MAX_CELLS // len(values), 1)
    sizes = [min(rows, _RESAMPLES - start) for start in range(0, _RESAMPLES, rows)]
    means = [rng.multinomial(n, counts / n, size=size) @ values / n for size in sizes]
    return np.concatenate(means)
