"""Figures of an evaluation whose attempts are chosen among by a value model."""

import numpy as np

from eval.intervals import mean_figure
from eval.values.assessment import complete_problems, countable
from eval.values.picking import METHODS
from eval.values.table import Attempts
from store.runs.figures import Figure

_METHODS = ("best", "weighted")


def rerank_figures(attempts: Attempts, samples: int) -> dict[str, Figure]:
    """best@k and weighted@k, over the problems that have all k attempts, as pass@k and maj@k of `eval.metrics` are.

    k is `samples`. Without any such problem there are none.
    """
    kept = countable(attempts)
    complete = complete_problems(kept, samples)
    if not complete:
        return {}
    missing = len(kept) - len(complete)
    return {
        f"{name}@{samples}": mean_figure(np.array([METHODS[name](own, samples) for own in complete]), missing)
        for name in _METHODS
    }
