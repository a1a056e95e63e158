"""Scored attempts as arrays, and the resamples of their problems that intervals are computed from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.intervals import CONFIDENCE
from eval.metrics import NothingMeasuredError
from store.outcomes import COUNTED
from store.records import Outcome, ScoredAttempt

type Attempts = Mapping[str, Sequence[ScoredAttempt]]
"""Attempts by problem id."""

type Floats = npt.NDArray[np.float64]
type Flags = npt.NDArray[np.bool_]

_RESAMPLES = 500
_MAX_CELLS = 1 << 24  # of a table of resamples: 128 MiB
_SEED = 0


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Attempts with a score and a verdict, one per row: shape [attempts]. `problem` numbers their problems from 0."""

    problem: npt.NDArray[np.int64]
    score: Floats
    right: Flags
    tokens: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.score)

    def where(self, chosen: Flags) -> "ScoreTable":
        """The rows where `chosen` [attempts] is True."""
        return ScoreTable(*(getattr(self, name)[chosen] for name in self.__slots__))


def score_table(attempts: Attempts) -> ScoreTable:
    """The attempts that have a score and a verdict.

    Undecided and unverifiable attempts, and faults, have none: they are neither right nor wrong.

    Raises:
        NothingMeasuredError: there is none.
    """
    rows = [
        (number, one.score, one.outcome is Outcome.ACCEPTED, one.tokens, one.blocks)
        for number, of_problem in enumerate(attempts.values())
        for one in of_problem
        if one.score is not None and one.outcome in COUNTED
    ]
    if not rows:
        raise NothingMeasuredError("no attempt has both a score and a verdict: `automathes value score` scores them")
    problem, score, right, tokens, blocks = zip(*rows, strict=True)
    return ScoreTable(
        np.array(problem), np.array(score, dtype=np.float64), np.array(right), np.array(tokens), np.array(blocks)
    )


def resampled_weights(problem: npt.NDArray[np.int64]) -> Floats:
    """How often each row is drawn in resamples of whole problems, shape [resamples, rows].

    Attempts at a problem depend on each other, so that problems are drawn, and not attempts (`eval.intervals`). There
    are up to 500 resamples, fewer for many rows.
    """
    _, row = np.unique(problem, return_inverse=True)
    n = int(row.max()) + 1
    resamples = int(np.clip(_MAX_CELLS // len(row), 100, _RESAMPLES))
    drawn = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1 / n), size=resamples)
    return drawn[:, row].astype(np.float64)


def interval(resampled: Floats) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure's resamples; None if too many of them are not defined."""
    defined = resampled[np.isfinite(resampled)]
    if len(defined) < len(resampled) / 2:
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
