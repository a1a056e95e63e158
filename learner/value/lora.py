"""LoRA: updates of low rank beside frozen linear layers, which are added to their weights for publication.

Hu et al. 2021, "LoRA: low-rank adaptation of large language models" (arXiv 2106.09685).
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.nn import functional

from learner.value.settings import LoraSettings

_A, _B, _FROZEN = ".lora_a", ".lora_b", ".layer"


class NoLoraTargetError(ValueError):
    """No layer of a model has one of the names that are to be adapted."""


class LoraLinear(torch.nn.Module):
    """A frozen linear layer with weight W [out, in] and a trained update: W + scale · B A.

    A [rank, in] begins random and B [out, rank] at zero, so that the update begins at zero.
    """

    def __init__(self, layer: torch.nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.layer = layer
        self.scale = scale
        like: Any = {"dtype": layer.weight.dtype, "device": layer.weight.device}
        self.lora_a = torch.nn.Parameter(torch.empty(rank, layer.in_features, **like))
        self.lora_b = torch.nn.Parameter(torch.zeros(layer.out_features, rank, **like))
        torch.nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The layer's output [..., out] with the update."""
        update = functional.linear(functional.linear(inputs, self.lora_a), self.lora_b)
        output: torch.Tensor = self.layer(inputs) + self.scale * update
        return output


def add_lora(backbone: torch.nn.Module, settings: LoraSettings) -> None:
    """Freeze the backbone, and put an update beside each of its linear layers whose name is in `settings.targets`.

    The updates are drawn from torch's random numbers.

    Raises:
        NoLoraTargetError: it has none.
    """
    backbone.requires_grad_(requires_grad=False)
    found = [
        (parent, name, child)
        for parent in backbone.modules()
        for name, child in parent.named_children()
        if name in settings.targets and isinstance(child, torch.nn.Linear)
    ]
    if not found:
        raise NoLoraTargetError(
            f"the policy has no linear layer named {', '.join(settings.targets)} (value.lora.targets)"
        )
    for parent, name, child in found:
        setattr(parent, name, LoraLinear(child, settings.rank, settings.scale))


def updates(weights: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, str, torch.Tensor]]:
    """The matrices of the updates among the weights of a model with LoRA: (name of the layer, "A" or "B", matrix)."""
    for name, weight in weights.items():
        for suffix, kind in ((_A, "A"), (_B, "B")):
            if name.endswith(suffix):
                yield name.removesuffix(suffix), kind, weight


def merge(weights: Mapping[str, torch.Tensor], settings: LoraSettings) -> dict[str, torch.Tensor]:
    """The weights of a model with LoRA, by the names of the model without: each update is added to its layer."""
    merged = {}
    for name, weight in weights.items():
        if name.endswith((_A, _B)):
            continue
        layer, _, kind = name.rpartition(".")
        if not layer.endswith(_FROZEN):
            merged[name] = weight
            continue
        owner = layer.removesuffix(_FROZEN)
        if kind == "weight":
            update = weights[owner + _B].float() @ weights[owner + _A].float()
            merged[f"{owner}.{kind}"] = (weight.float() + settings.scale * update).to(weight.dtype)
        else:
            merged[f"{owner}.{kind}"] = weight
    return merged
