"""A value model inside a DeepSpeed engine, on one rank."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from learner.batching import MicroBatch
from learner.deepspeed_model import DeepSpeedModel
from learner.loss import predicting_columns, token_loss_sum
from learner.progress import ProgressReport
from learner.settings import LearnerSettings
from learner.value.adapter import ADAPTER, write_adapter
from learner.value.batches import ValueBatch
from learner.value.lora import add_lora, merge
from learner.value.loss import value_error_sum
from learner.value.network import ValueNetwork, load_classifier, load_output
from learner.value.settings import ValueSettings


class ValueModel(DeepSpeedModel):
    """Network, tokenizer and optimizer of the value model under training."""

    def __init__(
        self,
        value: ValueSettings,
        settings: LearnerSettings,
        device: torch.device,
        folder: Path,
        report: ProgressReport,
    ) -> None:
        """Begin with the policy in `folder`, on a rank that has joined the process group.

        Raises:
            MissingOutputLayerError: the policy has no output layer for the language loss.
            NoLoraTargetError: it has no layer that LoRA is to adapt.
        """
        self._value = value
        self._policy_name = folder.name
        self._output: torch.nn.Linear | None = None
        super().__init__(settings, device, folder, report)

    def _load(self, folder: Path, dtype: torch.dtype) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._value.seed)  # the same head and updates on every rank
            classifier = load_classifier(folder, dtype, self.pad_id, self._value.heads)
            if self._value.backbone == "lora":
                add_lora(classifier.base_model, self._value.lora)
        if self._value.backbone == "frozen":
            classifier.base_model.requires_grad_(requires_grad=False)
        if self._value.language_loss:
            self._output = load_output(folder, classifier, dtype)
            self._output.requires_grad_(requires_grad=self._value.backbone == "full")
        return classifier

    def _network(self) -> torch.nn.Module:
        return ValueNetwork(self.hf_model, self._output)

    def save(self, folder: Path, weights: Mapping[str, torch.Tensor]) -> None:
        """Save the weights with the updates of LoRA added to their layers, and the updates apart as an adapter."""
        if self._value.backbone == "lora":
            write_adapter(folder / ADAPTER, weights, self._value.lora, self._policy_name)
            weights = merge(weights, self._value.lora)
        super().save(folder, weights)

    def loss_sum(self, batch: MicroBatch) -> torch.Tensor:
        """The summed loss (scalar) of a `ValueBatch` over its labelled tokens."""
        assert isinstance(batch, ValueBatch)
        columns = predicting_columns(batch.spoken).to(self._device)
        with self._activations():
            values, logits = self._engine(
                batch.input_ids.to(self._device, non_blocking=True),
                batch.attention_mask.to(self._device, non_blocking=True),
                columns,
            )
            error = value_error_sum(values, batch.outcomes.to(self._device), batch.labels.to(self._device))
            if logits is None:
                return error
            language = token_loss_sum(logits, batch.spoken.to(self._device), columns)
            return self._value.value_weight * error + language
