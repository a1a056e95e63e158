"""What scores token sequences with a value model."""

import hashlib
import math
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np


class ScoringError(RuntimeError):
    """A value model could not be loaded, or a sequence not be scored."""


class Scorer(Protocol):
    """A loaded value model. It is a context manager, whose end frees it."""

    def score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """The value after the last token of each sequence of token ids, in their order.

        Raises:
            ScoringError: a sequence is empty or too long.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def value_of(sequence: Sequence[int], values: Sequence[float]) -> float:
    """The value of a sequence, of those that the heads of a model give it.

    A value model has one. Of a control's a hash of the sequence chooses, so that its scores are those of many controls.
    """
    if len(values) == 1:
        return float(values[0])
    digest = hashlib.sha256(np.asarray(sequence, dtype=np.int64).tobytes()).digest()
    return float(values[int.from_bytes(digest[:8], "big") % len(values)])


def require_finite(scores: Sequence[float]) -> None:
    """Raise `ScoringError` for a score that is not a finite number."""
    for score in scores:
        if not math.isfinite(score):
            raise ScoringError(f"the value model gave the score {score}, not a finite number")


def require_lengths(sequences: Sequence[Sequence[int]], max_tokens: int) -> None:
    """Raise `ScoringError` unless every sequence has 1 to `max_tokens` tokens."""
    for sequence in sequences:
        if not 0 < len(sequence) <= max_tokens:
            raise ScoringError(
                f"a sequence of {len(sequence)} tokens cannot be scored: it must have 1 to {max_tokens} "
                "(sampler.engine.max_model_len)"
            )
