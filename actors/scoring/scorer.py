"""What scores token sequences with a value model."""

import hashlib
import math
from collections.abc import Sequence
from typing import Protocol, Self


class ScoringError(RuntimeError):
    """A value model could not be loaded, or a sequence not be scored."""


class Scorer(Protocol):
    """A loaded value model. It is a context manager, whose end frees it."""

    def score(self, sequences: Sequence[Sequence[int]], keys: Sequence[int] | None = None) -> list[float]:
        """The value after the last token of each sequence of token ids, in their order.

        `keys` are numbers of the sequences that choose among the heads of a control, 0 for all if unset.

        Raises:
            ScoringError: a sequence is empty or too long.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def choose_values(values: Sequence[Sequence[float]], keys: Sequence[int] | None) -> list[float]:
    """One value of each sequence, of those that the heads of a model give it.

    A value model has one head. Of a control's a hash of the key chooses, so that its scores are those of many controls,
    and the same text with two keys has those of two.
    """
    numbers = [0] * len(values) if keys is None else keys
    return [float(found[_hash(key) % len(found)]) for key, found in zip(numbers, values, strict=True)]


def _hash(key: int) -> int:
    return int.from_bytes(hashlib.sha256(str(key).encode()).digest()[:8], "big")


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
