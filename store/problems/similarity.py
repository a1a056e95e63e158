"""The similarity of two questions, and keys that find similar ones without comparing all pairs.

The similarity is the Jaccard index of their word shingles. Similar ones are found by MinHash with banding (Broder 1997;
Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, chapter 3).
"""

import hashlib
import re
from functools import cache

import numpy as np
import numpy.typing as npt

NEAR = 0.6
"""The similarity from which two questions are near-duplicates. MATH's known overlaps reach it; no question of GSM8K's
training set reaches it with one of its test set.
"""

type Shingles = frozenset[int]

_WORDS = re.compile(r"[a-z]+|\d+")  # the content of LaTeX without its layout
_SHORT_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[-+*/^=<>]")
_SHINGLE = 5  # words
_SHORT = 8  # shorter questions, in words, are similar only if they are equal: 3 + 4 and 3 * 4 are not
_BANDS, _ROWS = 20, 3  # finds 99% of the pairs of similarity 0.6, and all but 2 in 10,000 of similarity 0.7


def shingles(question: str) -> Shingles:
    """Hashes of all runs of five words, ignoring case and layout. A short question is a single shingle."""
    text = question.casefold()
    words = _WORDS.findall(text)
    if len(words) < _SHORT:
        return frozenset([_hash("short " + " ".join(_SHORT_WORDS.findall(text)))])
    return frozenset(_hash(" ".join(words[i : i + _SHINGLE])) for i in range(len(words) - _SHINGLE + 1))


def similarity(one: Shingles, other: Shingles) -> float:
    """The Jaccard index, from 0 (nothing in common) to 1 (the same)."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def bands(question: Shingles) -> list[int]:
    """LSH bands as 63-bit numbers: near-duplicates share at least one of them, almost surely."""
    factors, shifts = _permutations()
    hashes = np.fromiter(question, dtype=np.uint64, count=len(question))
    # Multiply-shift hashing: products wrap around, and their upper halves are close to random.
    minima = ((hashes[:, None] * factors + shifts) >> np.uint64(32)).min(axis=0).reshape(_BANDS, _ROWS)
    return [_hash(f"{band}:{row.tobytes().hex()}") for band, row in enumerate(minima)]


@cache
def _permutations() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    rng = np.random.Generator(np.random.PCG64(20240117))  # an arbitrary seed that must not change: bands are stored
    factors, shifts = rng.integers(0, 2**64, size=(2, _BANDS * _ROWS), dtype=np.uint64)
    return factors | np.uint64(1), shifts


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1
