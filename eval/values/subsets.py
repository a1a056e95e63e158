"""Subsets of a problem's attempts: all of a size, or a sample of them."""

from functools import cache
from itertools import combinations
from math import comb

import numpy as np

from eval.values.table import Flags

MOST = 256
"""Subsets of a size; if there are more, so many are drawn."""

_SEED = 0


@cache
def subsets(n: int, k: int) -> Flags:
    """Subsets of `k` of `n` attempts, shape [subsets, n]: all if there are at most 256, else 256 random ones.

    The same for every call, so that methods are compared on the same attempts.
    """
    if comb(n, k) <= MOST:
        chosen = np.array(list(combinations(range(n), k)), dtype=np.int64)
    else:
        rng = np.random.default_rng((_SEED, n, k))
        chosen = np.argsort(rng.random((MOST, n)), axis=1)[:, :k]
    flags = np.zeros((len(chosen), n), dtype=np.bool_)
    np.put_along_axis(flags, chosen, values=True, axis=1)
    flags.setflags(write=False)
    return flags
