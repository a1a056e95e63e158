"""How often each problem of an iteration is attempted: as long as another attempt is worth more than one elsewhere."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from store.runs.scheduling.worth import FURTHER, LEAST, Worth

MOST = 2
"""The largest number of attempts at a problem, in numbers of attempts at the mean problem."""

_HARDLY = 1e-6

type _Numbers = npt.NDArray[np.float64]


def spread(candidates: Sequence[Worth], attempts: int, per_problem: int) -> list[int]:
    """The number of attempts at each candidate, `attempts` altogether and `per_problem` at the mean problem.

    Each attempt at a problem is worth less than the one before: the problem may be solved by then, or the solution be
    known, and one attempt is enough to explore. The attempts that come first in the order of `worth.find_best` are
    made. Candidates are the first `attempts` problems in that order, so that none is left out which would get one.
    """
    draw = np.array([candidate.draw for candidate in candidates])
    weight = np.array([candidate.weight for candidate in candidates])
    weights = weight[:, None] * _declines(candidates, MOST * per_problem)
    order = np.argsort(draw[:, None] / (weights * weights * weights * weights), axis=None, kind="stable")[:attempts]
    counts: list[int] = np.bincount(order // weights.shape[1], minlength=len(candidates)).tolist()
    return counts


def _declines(candidates: Sequence[Worth], most: int) -> _Numbers:
    """The worth of the first, second, ... attempt at each candidate, relative to that of the first."""
    columns = [(one.pass_rate, one.new_rate, one.known, one.pending, one.weight * one.cost) for one in candidates]
    pass_rate, new_rate, known, pending, worth = np.array(columns, dtype=np.float64).T
    expected = np.maximum(1 - LEAST / worth, _HARDLY)  # the part of the worth that is not for exploration
    unsolved = np.where(known == 0, 1.0, 0.0)
    solutions = known + pending * pass_rate
    worths = []
    for _ in range(most):
        new = unsolved + (1 - unsolved) * new_rate
        worths.append(new / (1 + FURTHER * solutions))
        solutions += pass_rate * new
        unsolved *= 1 - pass_rate
    declines = np.stack(worths, axis=1) / worths[0][:, None]
    declines[:, 1:] *= expected[:, None]
    return declines
