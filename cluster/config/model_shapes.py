"""Sizes of a decoder-only model: from its `config.json`, or from the table of known models."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Precision = Literal["fp32", "bf16"]

BYTES_PER_ELEMENT: dict[Precision, int] = {"fp32": 4, "bf16": 2}


class ShapeError(ValueError):
    """A model's `config.json` is unreadable or lacks a size."""


class UnknownModelError(ValueError):
    """A model whose sizes cannot be determined without downloading it."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """Sizes of a Llama-like decoder (RMSNorm, SwiGLU, grouped-query attention, no biases except Qwen2's)."""

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocab: int
    tied: bool = False
    attention_bias: bool = False

    @classmethod
    def from_config(cls, config: dict[str, Any], name: str) -> "ModelShape":
        """Read the shape from a Hugging Face `config.json`.

        Raises:
            ShapeError: a required key is missing.
        """
        try:
            hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
            return cls(
                name=name,
                hidden=hidden,
                layers=int(config["num_hidden_layers"]),
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head_dim=int(config.get("head_dim") or hidden // heads),
                intermediate=int(config["intermediate_size"]),
                vocab=int(config["vocab_size"]),
                tied=bool(config.get("tie_word_embeddings", False)),
                attention_bias=bool(config.get("attention_bias", config.get("model_type") == "qwen2")),
            )
        except KeyError as error:
            raise ShapeError(f"config.json of {name} has no key {error}, which every Llama-like decoder has") from None

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer: query, output, key and value projections, the three SwiGLU matrices, two norms."""
        query, key_value = self.heads * self.head_dim, 2 * self.kv_heads * self.head_dim
        biases = query + key_value if self.attention_bias else 0
        attention = 2 * self.hidden * query + self.hidden * key_value + biases
        return attention + 3 * self.hidden * self.intermediate + 2 * self.hidden

    @property
    def parameters(self) -> int:
        """Total number of parameters; a tied output layer counts once."""
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        return embeddings + self.layers * self.layer_parameters + self.hidden

    def weights_bytes(self, precision: Precision) -> int:
        """Size of the weights alone, as loaded or published."""
        return self.parameters * BYTES_PER_ELEMENT[precision]

    def kv_bytes_per_token(self, precision: Precision) -> int:
        """KV-cache bytes of one token over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * BYTES_PER_ELEMENT[precision]

    def layer_activation_bytes_per_token(self, precision: Precision) -> int:
        """Bytes of one token's activations that one layer keeps until the backward pass.

        Counted tensor by tensor as section 4.1 of arXiv 2205.05198 does for GPT (34 h there), here for Llama: inputs
        and outputs of the two norms (4 h, and 2 h more in float32 inside them), query and attention output (2 q),
        key and value, and the four inner tensors of SwiGLU (4 i). Flash attention keeps no tensor that is quadratic in
        the length. Autograd on transformers' Llama agrees within one percent (`tests/cluster/config/test_memory.py`).
        """
        query, key_value = self.heads * self.head_dim, 2 * self.kv_heads * self.head_dim
        elements = 4 * self.hidden + 2 * query + key_value + 4 * self.intermediate
        return elements * BYTES_PER_ELEMENT[precision] + 2 * self.hidden * 4


_KNOWN = {
    shape.name: shape
    for shape in (
        ModelShape("SmolLM2-135M-Instruct", 576, 30, 9, 3, 64, 1536, 49152, tied=True),
        ModelShape("Qwen/Qwen2.5-Math-1.5B", 1536, 28, 12, 2, 128, 8960, 151936, tied=True, attention_bias=True),
        ModelShape("Qwen/Qwen2.5-Math-7B", 3584, 28, 28, 4, 128, 18944, 152064, attention_bias=True),
        ModelShape("EleutherAI/llemma_7b", 4096, 32, 32, 32, 128, 11008, 32016),
        ModelShape("deepseek-ai/deepseek-math-7b-base", 4096, 30, 32, 32, 128, 11008, 102400),
        ModelShape("mistralai/Mistral-7B-v0.1", 4096, 32, 32, 8, 128, 14336, 32000),
    )
}
"""Models that can be planned before they are downloaded. The sizes are those of their own config.json."""


def shape_of(base: Any) -> ModelShape:
    """The shape of a base model (a `learner.bases` setting), without loading or downloading it.

    Raises:
        UnknownModelError: a hub name that is neither in the table nor in the local cache.
        ShapeError: the config.json of a folder is unreadable or lacks a size.
    """
    if base.kind == "tiny_llama":
        return ModelShape(
            name="tiny Llama",
            hidden=base.hidden_size,
            layers=base.num_layers,
            heads=base.num_heads,
            kv_heads=base.num_kv_heads,
            head_dim=base.head_size,
            intermediate=base.intermediate_size,
            vocab=base.vocabulary_size,
            tied=True,
        )
    if base.kind == "smollm2":
        return _KNOWN["SmolLM2-135M-Instruct"]
    return shape_of_model(base.name, base.revision)


def shape_of_model(name: str, revision: str | None = None) -> ModelShape:
    """The shape of a model folder or hub name.

    Raises:
        UnknownModelError: a hub name that is neither in the table nor in the local cache.
        ShapeError: the config.json is unreadable or lacks a size.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read_shape(folder / "config.json", name)
    if name in _KNOWN and revision is None:
        return _KNOWN[name]
    cached = _cached_config(name, revision)
    if cached is None:
        raise UnknownModelError(
            f"the sizes of {name} are unknown: download the model first, or give a folder that holds its config.json "
            f"(known without a download: {', '.join(_KNOWN)})"
        )
    return _read_shape(cached, name)


def _read_shape(file: Path, name: str) -> ModelShape:
    try:
        return ModelShape.from_config(json.loads(file.read_text(encoding="utf-8")), name)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ShapeError(f"{file} cannot be read: {error}") from None


def _cached_config(name: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # takes half a second to import; most plans do not need it
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
