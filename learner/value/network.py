"""The network of a value model: a backbone, the head, and the policy's own output layer if its loss is trained too."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

_OUTPUT_WEIGHT = "lm_head.weight"


class MissingOutputLayerError(ValueError):
    """A policy has no output layer under the name that the language loss needs."""


class ValueNetwork(torch.nn.Module):
    """Computes the value after every token, and the logits of the next token at some positions."""

    def __init__(self, classifier: Any, output: torch.nn.Linear | None = None) -> None:
        """`classifier` is transformers' model for sequence classification, `output` the output layer."""
        super().__init__()
        self.classifier = classifier
        self.output = output

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, columns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Values, float32 [sequences, tokens, heads], and logits [sequences, columns, vocabulary] or None."""
        backbone = self.classifier.base_model
        hidden = backbone(input_ids=input_ids, attention_mask=attention_mask, use_cache=False).last_hidden_state
        values = self.classifier.score(hidden).float()
        return values, None if self.output is None else self.output(hidden[:, columns])


def load_classifier(folder: Path, dtype: torch.dtype, pad_id: int, heads: int = 1) -> Any:
    """transformers' model for sequence classification with a label for each head, from a policy or a value model.

    The head of a policy is new: its weights are drawn from torch's random numbers.
    """
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging

    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn of the new head
    try:
        return AutoModelForSequenceClassification.from_pretrained(
            folder, num_labels=heads, problem_type="regression", pad_token_id=pad_id, dtype=dtype
        )
    finally:
        logging.set_verbosity(verbosity)


def load_output(folder: Path, classifier: Any, dtype: torch.dtype) -> torch.nn.Linear:
    """The output layer of the policy in `folder`; if it is tied to the embedding, the two share their weight.

    Raises:
        MissingOutputLayerError: the policy has none of its own, and it is not tied either.
    """
    embedding = classifier.get_input_embeddings()
    layer = torch.nn.Linear(embedding.embedding_dim, embedding.num_embeddings, bias=False, dtype=dtype, device="meta")
    if classifier.config.get_text_config().tie_word_embeddings:
        layer.weight = embedding.weight
        return layer
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if _OUTPUT_WEIGHT in file.keys():  # noqa: SIM118 - it is no mapping
                layer.weight = torch.nn.Parameter(file.get_tensor(_OUTPUT_WEIGHT).to(dtype))
                return layer
    raise MissingOutputLayerError(f"{folder} has no {_OUTPUT_WEIGHT}: train its value model without language_loss")
