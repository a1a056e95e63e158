"""The loss of a value model: squared error of values, and the cross-entropy of right solutions beside it."""

import torch

from learner.batching import IGNORED


def value_error_sum(values: torch.Tensor, outcomes: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The summed squared error of the values after labelled tokens against the outcomes of their solutions.

    A sum over tokens, because their mean is over more than this micro batch; of the heads it is the mean. `values`,
    float32, has shape [sequences, tokens, heads], `labels` [sequences, tokens], `outcomes` [sequences, heads].
    """
    errors = (values - outcomes[:, None]).square().mean(dim=-1)
    return torch.where(labels != IGNORED, errors, 0.0).sum()
