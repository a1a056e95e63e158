"""What scores token sequences with a value model."""

from collections.abc import Sequence
from typing import Protocol, Self


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


def require_lengths(sequences: Sequence[Sequence[int]], max_tokens: int) -> None:
    """Raise `ScoringError` unless every sequence has 1 to `max_tokens` tokens."""
    for sequence in sequences:
        if not 0 < len(sequence) <= max_tokens:
            raise ScoringError(
                f"a sequence of {len(sequence)} tokens cannot be scored: it must have 1 to {max_tokens} "
                "(sampler.engine.max_model_len)"
            )
