"""The similarity of two questions, and keys that find similar ones without comparing all pairs.

The similarity is the Jaccard index of their word shingles, or of the shingles of their templates: the words with
numbers and names masked. Similar ones are found by MinHash with banding (Broder 1997; Leskovec, Rajaraman, Ullman:
Mining of Massive Datasets, chapter 3).
"""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

NEAR = 0.6
"""The similarity from which two questions are near-duplicates. MATH's known overlaps reach it; no question of GSM8K's
training set reaches it with one of its test set.
"""

TWIN = 0.6
"""The similarity from which the templates of two questions are twins. tests/benchmarks/overlap.py measures it."""

type Shingles = frozenset[int]

_WORDS = re.compile(r"[a-z]+|\d+")  # the content of LaTeX without its layout
_SHORT_WORDS = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[-+*/^=<>]")
_SHINGLE = 5  # words
_SHORT = 8  # shorter questions, in words, are similar only if they are equal: 3 + 4 and 3 * 4 are not
_TOKENS = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[-+*/^=<>]")
_TEMPLATE_SHINGLE = 4  # words
_TEMPLATE_WORDS = 5  # a question with fewer has no template: it is an expression, and its numbers are the problem
_NUMBER, _NAME = "#", "@"
_NUMERALS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
"""
_MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd: multiplication by it loses nothing
_TEMPLATE_BANDS = 14  # finds 97% of the pairs of similarity 0.6, and all but 3 in 1,000 of similarity 0.7
_BANDS, _ROWS = 20, 3  # finds 99% of the pairs of similarity 0.6, and all but 2 in 10,000 of similarity 0.7


def shingles(question: str) -> Shingles:
    """Hashes of all runs of five words, ignoring case and layout. A short question is a single shingle."""
    text = question.casefold()
    words = _WORDS.findall(text)
    if len(words) < _SHORT:
        return frozenset([_hash("short " + " ".join(_SHORT_WORDS.findall(text)))])
    runs = [" ".join(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1)]
    return frozenset([_hash(run) for run in runs])


def template_shingles(question: str) -> Shingles:
    """Hashes of all runs of four words, with numbers and capitalised words masked; empty if the words are too few.

    Numerals are masked too. Signs of operations count as words. Not masked are single letters, which name variables.
    """
    tokens = [_read_token(token) for token in _TOKENS.findall(question)]
    if sum([is_word for _, is_word in tokens]) < _TEMPLATE_WORDS:
        return frozenset()
    hashes = np.array([number for number, _ in tokens], dtype=np.uint64)
    count = len(tokens) - _TEMPLATE_SHINGLE + 1
    runs = hashes[:count]
    for offset in range(1, _TEMPLATE_SHINGLE):
        runs = runs * _MIXER ^ hashes[offset : offset + count]  # wraps around
    return frozenset(runs.tolist())


@lru_cache(maxsize=100_000)
def _read_token(token: str) -> tuple[int, bool]:
    """(hash of the token, of which a number or name is masked, whether it is a word)."""
    word = token.casefold()
    if token[0].isdecimal() or word in _numerals():
        return _hash(_NUMBER), False
    is_name = len(token) > 1 and token[0].isupper()
    return _hash(_NAME if is_name else word), token[0].isalpha()


@cache
def _numerals() -> frozenset[str]:
    return frozenset(_NUMERALS.split())


def similarity(one: Shingles, other: Shingles) -> float:
    """The Jaccard index, from 0 (nothing in common) to 1 (the same)."""
    common = len(one & other)
    return common / (len(one) + len(other) - common)


def bands(question: Shingles) -> list[int]:
    """LSH bands as 63-bit numbers: near-duplicates share at least one of them, almost surely."""
    minima = _minima(question, _BANDS)
    digits, width = minima.tobytes().hex(), 2 * minima[0].nbytes
    return [_hash(f"{band}:{digits[band * width : (band + 1) * width]}") for band in range(_BANDS)]


def template_bands(template: Shingles) -> list[int]:
    """The same for a template, faster; none for an empty one."""
    if not template:
        return []
    factors, shifts = (numbers[: _TEMPLATE_BANDS * _ROWS].reshape(-1, _ROWS) for numbers in _permutations())
    sums = (_minima(template, _TEMPLATE_BANDS) * factors).sum(axis=1) + shifts[:, 0]
    found: list[int] = (sums >> np.uint64(1)).tolist()
    return found


def _minima(question: Shingles, count: int) -> npt.NDArray[np.uint64]:
    """The MinHash signature, a row for each of the first bands."""
    factors, shifts = (numbers[: count * _ROWS] for numbers in _permutations())
    hashes = np.fromiter(question, dtype=np.uint64, count=len(question))
    # Multiply-shift hashing: products wrap around, and their upper halves are close to random.
    return ((hashes[:, None] * factors + shifts) >> np.uint64(32)).min(axis=0).reshape(count, _ROWS)


def digest(found: Sequence[int]) -> int:
    """A number that is equal for equal lists of bands, and is no band itself, almost surely."""
    return _hash("digest " + " ".join(map(str, found)))


@cache
def _permutations() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    rng = np.random.Generator(np.random.PCG64(20240117))  # an arbitrary seed that must not change: bands are stored
    factors, shifts = rng.integers(0, 2**64, size=(2, _BANDS * _ROWS), dtype=np.uint64)
    return factors | np.uint64(1), shifts


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) >> 1
