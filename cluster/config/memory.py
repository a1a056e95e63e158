"""What training and sampling hold in memory, in bytes by part, from a model's shape alone: arithmetic, no torch."""

from dataclasses import dataclass
from typing import Any, Literal

Precision = Literal["fp32", "bf16"]
Parts = dict[str, int]

GIB = 2**30
_BYTES: dict[Precision, int] = {"fp32": 4, "bf16": 2}

_ZERO3_LIVE_PARAMETERS = 10**9
"""DeepSpeed's default of `stage3_max_live_parameters`: whole weights that a ZeRO-3 rank holds at once."""
_BUCKET_ELEMENTS = 5 * 10**8
"""DeepSpeed's default of `reduce_bucket_size`, gradients on their way to the other ranks."""
_GPU_CONTEXT_BYTES = 3 * GIB // 2
"""CUDA context, NCCL's buffers and the allocator's slack: an allowance, not a formula."""
_CUDA_GRAPHS_BYTES = 2 * GIB
"""vLLM's captured graphs and workspaces: an allowance, not a formula."""
_HOST_PROCESS_BYTES = 3 * GIB // 2
"""A process that has imported torch with DeepSpeed or vLLM: measured 0.9 and 1.1 GiB, with room for more."""
_VLLM_STEP_TOKENS = 8192
"""Tokens of prompts that vLLM takes in one step, for which it keeps working memory free."""


class ShapeError(ValueError):
    """A model's configuration that lacks what its memory is worked out from."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a decoder of Llama's make (RMSNorm, SwiGLU, grouped-query attention, no biases but Qwen2's)."""

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
        """The shape that a Hugging Face `config.json` describes. Raises `ShapeError` naming a missing key."""
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
            raise ShapeError(f"config.json of {name} has no {error}; a decoder like Llama's has") from None

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer: query and output, key and value, the three matrices of SwiGLU, two norms."""
        query, key_value = self.heads * self.head_dim, 2 * self.kv_heads * self.head_dim
        biases = query + key_value if self.attention_bias else 0
        attention = 2 * self.hidden * query + self.hidden * key_value + biases
        return attention + 3 * self.hidden * self.intermediate + 2 * self.hidden

    @property
    def parameters(self) -> int:
        """All parameters; a tied output layer counts once."""
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2)
        return embeddings + self.layers * self.layer_parameters + self.hidden

    def weights_bytes(self, precision: Precision) -> int:
        """The model alone, as it is loaded or published."""
        return self.parameters * _BYTES[precision]

    def kv_bytes_per_token(self, precision: Precision) -> int:
        """Keys and values that one token leaves in every layer."""
        return 2 * self.layers * self.kv_heads * self.head_dim * _BYTES[precision]

    def layer_activation_bytes_per_token(self, precision: Precision) -> int:
        """What one layer keeps of one token until the backward pass.

        Counted tensor by tensor as section 4.1 of arXiv 2205.05198 does for GPT (there 34 h), here for Llama: inputs
        and outputs of the two norms (4 h, and 2 h more in float32 inside them), query and attention's output (2 q),
        key and value, and the four inner tensors of SwiGLU (4 i). Flash attention keeps no square of the length. What
        autograd keeps of transformers' Llama agrees within a hundredth (`tests/cluster/test_plan.py`).
        """
        query, key_value = self.heads * self.head_dim, 2 * self.kv_heads * self.head_dim
        elements = 4 * self.hidden + 2 * query + key_value + 4 * self.intermediate
        return elements * _BYTES[precision] + 2 * self.hidden * 4


@dataclass(frozen=True, slots=True)
class Training:
    """What decides the memory of one learner rank. `micro_batch_tokens` are those of one backward pass, padded."""

    num_ranks: int
    zero_stage: Literal[0, 1, 2, 3]
    precision: Precision
    micro_batch_tokens: int
    gradient_checkpointing: bool = False
    activation_offload: bool = False
    on_gpu: bool = True


@dataclass(frozen=True, slots=True)
class Sampling:
    """What decides the memory of one of the `tensor_parallel` shares of a sampler's engine."""

    precision: Precision
    max_model_len: int
    concurrency: int
    tensor_parallel: int = 1
    on_gpu: bool = True


def training_parts(shape: ModelShape, training: Training) -> Parts:
    """Bytes on one learner rank.

    Weights, gradients and optimizer as in section 3.1 of the ZeRO paper (arXiv 1910.02054): in mixed precision
    2 + 2 + 12 bytes a parameter (the 12: float32 weights, momentum, variance), in float32 4 + 4 + 8. Stage 1 divides
    the optimizer by the ranks, stage 2 the gradients too, stage 3 the weights too.
    """
    parts = _states(shape, training)
    activations = _activation_bytes(shape, training)
    if training.activation_offload:
        activations = shape.layer_activation_bytes_per_token(training.precision) * training.micro_batch_tokens
    return parts | {
        "activations": activations,
        "logits": _logits_bytes(shape, training),
        "buffers": _buffer_bytes(shape, training),
        "overhead": _GPU_CONTEXT_BYTES if training.on_gpu else _HOST_PROCESS_BYTES,
    }


def offloaded_bytes(shape: ModelShape, training: Training) -> int:
    """Activations that a rank keeps in host memory."""
    return _activation_bytes(shape, training) if training.activation_offload else 0


def _states(shape: ModelShape, training: Training) -> Parts:
    stage, ranks, size = training.zero_stage, training.num_ranks, _BYTES[training.precision]
    optimizer = 12 if training.precision == "bf16" else 8
    if training.precision == "fp32" and stage > 0:
        optimizer += 4  # DeepSpeed keeps its partition of the weights apart from the model's, in float32 too
    per_parameter = {"weights": (size, 3), "gradients": (size, 2), "optimizer": (optimizer, 1)}
    return {
        part: -(-shape.parameters * bytes_each // (ranks if stage >= divided_from else 1))
        for part, (bytes_each, divided_from) in per_parameter.items()
    }


def _activation_bytes(shape: ModelShape, training: Training) -> int:
    """With checkpointing every layer keeps its input alone (section 5 of arXiv 2205.05198), and one is recomputed."""
    per_layer = shape.layer_activation_bytes_per_token(training.precision)
    if training.gradient_checkpointing:
        per_token = shape.layers * shape.hidden * _BYTES[training.precision] + per_layer
    else:
        per_token = shape.layers * per_layer
    return per_token * training.micro_batch_tokens


def _logits_bytes(shape: ModelShape, training: Training) -> int:
    """At the peak of the loss's backward: the log-softmax and its gradient in float32, the latter also in the scores'
    own precision twice (without the last position, and padded to it). In float32 one of these is the same tensor.
    """
    return shape.vocab * 12 * training.micro_batch_tokens


def _buffer_bytes(shape: ModelShape, training: Training) -> int:
    """What ZeRO sends round: a bucket of gradients, and under stage 3 the gathered weights in use."""
    if training.num_ranks == 1 or training.zero_stage == 0:
        return 0
    elements = min(_BUCKET_ELEMENTS, shape.parameters)
    if training.zero_stage == 3:
        elements += min(_ZERO3_LIVE_PARAMETERS, shape.parameters)
    return elements * _BYTES[training.precision]


def sampling_parts(shape: ModelShape, sampling: Sampling) -> Parts:
    """Bytes on one GPU (or in host memory) of a sampler with every rollout at full length.

    `kv_cache` is what all of them would fill; vLLM makes do with less and lets the rest wait.
    """
    share = sampling.tensor_parallel
    step = shape.layer_activation_bytes_per_token(sampling.precision) * min(
        _VLLM_STEP_TOKENS, sampling.max_model_len * sampling.concurrency
    )
    fixed = _GPU_CONTEXT_BYTES + _CUDA_GRAPHS_BYTES if sampling.on_gpu else _HOST_PROCESS_BYTES
    return {
        "weights": -(-shape.weights_bytes(sampling.precision) // share),
        "kv_cache": sampling.concurrency * kv_cache_minimum_bytes(shape, sampling),
        "activations": step // share,
        "logits": sampling.concurrency * shape.vocab * 4,
        "overhead": fixed,
    }


def kv_cache_minimum_bytes(shape: ModelShape, sampling: Sampling) -> int:
    """The cache of one rollout of full length, without which vLLM refuses to start.

    Key and value heads are divided over the shares, but each share holds at least one.
    """
    heads = max(1, -(-shape.kv_heads // sampling.tensor_parallel))
    per_token = shape.kv_bytes_per_token(sampling.precision) * heads // shape.kv_heads
    return per_token * sampling.max_model_len
