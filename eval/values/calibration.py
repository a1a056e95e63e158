"""Whether scores are probabilities: the share of right attempts among those with about the same score."""

from dataclasses import dataclass

import numpy as np

from eval.values.table import Flags, ScoreTable, interval, resampled_weights

_BINS = 10


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Attempts with a score from `start` to `end`: their mean score, and the share of them that is right.

    `low` to `high` is the share's 95 % interval over resamples of the problems. Empty bins are left out.
    """

    start: float
    end: float
    attempts: int
    score: float
    right: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """The bins, the expected calibration error (Guo et al. 2017, arXiv 1706.04599, equation 5) and the Brier score."""

    bins: tuple[CalibrationBin, ...]
    error: float
    brier: float


def calibration(table: ScoreTable) -> Calibration:
    """The calibration of scores, in ten bins of the same width. Scores beyond 0 and 1 are taken for these."""
    score = table.score.clip(0, 1)
    number = np.minimum((score * _BINS).astype(np.int64), _BINS - 1)
    weights = resampled_weights(table.problem)
    bins = tuple(
        _bin(table, score, number == index, index, weights) for index in range(_BINS) if (number == index).any()
    )
    error = sum(one.attempts * abs(one.right - one.score) for one in bins) / len(table)
    return Calibration(bins, error, float(np.mean((score - table.right) ** 2)))


def _bin(table: ScoreTable, score: np.ndarray, chosen: Flags, index: int, weights: np.ndarray) -> CalibrationBin:
    drawn = weights[:, chosen]
    total = drawn.sum(axis=1)
    shares = np.divide(drawn @ table.right[chosen], total, out=np.full(len(total), np.nan), where=total > 0)
    low, high = interval(shares) or (None, None)
    return CalibrationBin(
        start=index / _BINS,
        end=(index + 1) / _BINS,
        attempts=int(chosen.sum()),
        score=float(score[chosen].mean()),
        right=float(table.right[chosen].mean()),
        low=low,
        high=high,
    )
