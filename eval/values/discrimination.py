"""How well scores tell right attempts from wrong ones: the area under the ROC curve."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.intervals import mean_figure
from eval.values.table import Floats, ScoreTable, interval, resampled_weights
from store.runs.figures import Figure


@dataclass(frozen=True, slots=True)
class Auc:
    """The probability that a right attempt has a higher score than a wrong one; a tie counts half. 0.5 is chance.

    `low` to `high` is its 95 % interval over resamples of the problems. `value` is None if all attempts are right, or
    all wrong.
    """

    value: float | None
    low: float | None
    high: float | None
    attempts: int
    right: int


def auc(table: ScoreTable) -> Auc:
    """Of all pairs of a right and a wrong attempt, at whatever problems.

    It rewards a model that only knows which problems are hard; `auc_within_problems` does not.
    """
    value = float(weighted_auc(table, np.ones((1, len(table))))[0]) if len(table) else np.nan
    right = int(table.right.sum())
    if not np.isfinite(value):
        return Auc(None, None, None, len(table), right)
    bounds = interval(weighted_auc(table, resampled_weights(table.problem)))
    low, high = bounds or (None, None)
    return Auc(value, low, high, len(table), right)


def weighted_auc(table: ScoreTable, weights: Floats) -> Floats:
    """The AUC for each row of `weights` [samples, attempts], by the Mann-Whitney statistic; NaN without both kinds."""
    order = np.argsort(table.score, kind="stable")
    score, right, weights = table.score[order], table.right[order], weights[:, order]
    first_of_ties = np.flatnonzero(np.r_[True, score[1:] != score[:-1]])
    rights = np.add.reduceat(weights * right, first_of_ties, axis=1)
    wrongs = np.add.reduceat(weights * ~right, first_of_ties, axis=1)
    below = np.cumsum(wrongs, axis=1) - wrongs
    pairs = rights.sum(axis=1) * wrongs.sum(axis=1)
    higher = (rights * (below + wrongs / 2)).sum(axis=1)
    return np.divide(higher, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def auc_within_problems(table: ScoreTable) -> Figure | None:
    """The mean over problems of the AUC of each one's attempts, which is what picking among them depends on.

    Problems whose attempts are all right, or all wrong, have none and are `missing`. None if that is all of them.
    """
    found: Sequence[float] = [
        float(weighted_auc(own, np.ones((1, len(own))))[0])
        for own in (table.where(table.problem == number) for number in np.unique(table.problem))
        if 0 < own.right.sum() < len(own)
    ]
    problems = len(np.unique(table.problem))
    return mean_figure(np.array(found), problems - len(found)) if found else None
