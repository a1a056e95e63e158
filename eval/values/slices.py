"""Figures of a value model by the length of solutions, and by the number of code blocks that they ran."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from eval.values.discrimination import Auc, auc
from eval.values.picking import METHODS
from eval.values.table import Attempts, ScoreTable
from store.records import ScoredAttempt

_QUARTERS = (0.25, 0.5, 0.75)
_MOST_BLOCKS = 4
"""Solutions with so many blocks or more are in one slice."""


@dataclass(frozen=True, slots=True)
class Slice:
    """The attempts of about the same length. `picking` has the accuracy of each method at the largest k, over the
    `problems` whose median attempt is in the slice; None without any."""

    name: str
    auc: Auc
    problems: int
    picking: dict[str, float] | None


def slices_by(
    table: ScoreTable, attempts: Attempts, samples: int, column: Literal["tokens", "blocks"]
) -> tuple[Slice, ...]:
    """Quarters by tokens, or slices by the number of blocks: 0, 1, 2, 3, and 4 or more. Empty ones are left out."""
    values = table.tokens if column == "tokens" else table.blocks
    edges = _edges(values, column)
    medians = [
        (float(np.median([getattr(one, column) for one in own])), own[:samples])
        for own in attempts.values()
        if len(own) >= samples and all(one.score is not None for one in own[:samples])
    ]
    found = []
    for start, end in pairwise(edges):
        inside = (values >= start) & (values < end)
        if inside.any():
            own = [chosen for median, chosen in medians if start <= median < end]
            name = _name(start, end, column)
            found.append(Slice(name, auc(table.where(inside)), len(own), _picking(own, samples)))
    return tuple(found)


def _edges(values: np.ndarray, column: str) -> list[float]:
    """The borders of slices, each from one border to the next, which does not belong to it."""
    if column == "blocks":
        return [*range(_MOST_BLOCKS + 1), np.inf]
    inner = sorted({float(np.ceil(edge)) for edge in np.quantile(values, _QUARTERS)})
    return [0.0, *(edge for edge in inner if edge > 0), np.inf]


def _picking(attempts: Sequence[Sequence[ScoredAttempt]], samples: int) -> dict[str, float] | None:
    if not attempts:
        return None
    return {name: float(np.mean([method(own, samples) for own in attempts])) for name, method in METHODS.items()}


def _name(start: float, end: float, column: str) -> str:
    if column == "blocks":
        return f"{start:.0f} or more" if end == np.inf else f"{start:.0f}"
    if end == np.inf:
        return f"{start:.0f} tokens or more"
    return f"{start:.0f} to {end - 1:.0f} tokens" if start else f"up to {end - 1:.0f} tokens"
