"""Cross-entropy on the tokens that the policy wrote, and safeguards against non-finite losses."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from learner.batching import IGNORED


class TrainingDivergedError(RuntimeError):
    """Several steps in a row had a loss or gradient norm that was not finite."""


def predicting_columns(labels: torch.Tensor) -> torch.Tensor:
    """The positions, ascending, whose next token is labelled in any of the sequences; at least one.

    No logits are needed elsewhere, above all over the prompts: with a large vocabulary they take the most memory.
    `labels` has shape [sequences, tokens].
    """
    columns = (labels[:, 1:] != IGNORED).any(dim=0).nonzero().flatten()
    return columns if len(columns) else torch.zeros(1, dtype=torch.int64)


def token_loss_sum(logits: torch.Tensor, labels: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Summed cross-entropy (nats) of the labelled tokens; a sum, because the mean is over more than this micro batch.

    `labels` has shape [sequences, tokens]. `logits`, of shape [sequences, columns, vocabulary], are those at the
    positions `columns`; the logits at position t predict the label at t + 1.
    """
    targets = labels[:, columns + 1]
    return functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def poison_unless_finite(loss: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
    """`loss`, with NaN gradients if `total` is not finite.

    A non-finite loss on one rank thus makes the global gradient norm NaN, and all ranks skip the step without further
    communication and without synchronizing with the device.
    """
    return loss * torch.where(torch.isfinite(total), 1.0, torch.nan)


@dataclass(slots=True)
class SkipCounter:
    """Counts skipped steps and fails after too many in a row."""

    max_in_a_row: int
    total: int = 0
    in_a_row: int = 0

    def record(self, step: int, *, taken: bool) -> None:
        """Count step `step`. Raises `TrainingDivergedError` on the `max_in_a_row`-th consecutive skip."""
        if taken:
            self.in_a_row = 0
            return
        self.total += 1
        self.in_a_row += 1
        if self.in_a_row >= self.max_in_a_row:
            raise TrainingDivergedError(
                f"loss or gradient norm was not finite in {self.in_a_row} steps in a row (last: step {step}); "
                "lower `learning_rate`, or check the samples for invalid tokens"
            )
