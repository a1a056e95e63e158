"""Memory that training and sampling need, in bytes by part. Computed from the model's shape alone, without torch."""

from dataclasses import dataclass
from typing import Literal

from cluster.config.model_shapes import BYTES_PER_ELEMENT, ModelShape, Precision

Parts = dict[str, int]

GIB = 2**30

_ZERO3_LIVE_PARAMETERS = 10**9
"""DeepSpeed's default `stage3_max_live_parameters`: gathered weights that a ZeRO-3 rank holds at once."""
_BUCKET_ELEMENTS = 5 * 10**8
"""DeepSpeed's default `reduce_bucket_size`: gradients in flight to the other ranks."""
_GPU_CONTEXT_BYTES = 3 * GIB // 2
"""Allowance (not a formula) for the CUDA context, NCCL buffers and allocator slack."""
_CUDA_GRAPHS_BYTES = 2 * GIB
"""Allowance (not a formula) for vLLM's captured graphs and workspaces."""
_HOST_PROCESS_BYTES = 3 * GIB // 2
"""A process that imported torch with DeepSpeed or vLLM: 0.9 and 1.1 GiB were measured; this leaves a margin."""
_VLLM_STEP_TOKENS = 8192
"""Prompt tokens that vLLM processes in one step. It reserves working memory for them."""


@dataclass(frozen=True, slots=True)
class Training:
    """Inputs of a learner rank's memory. `micro_batch_tokens` counts one backward pass, padding included."""

    num_ranks: int
    zero_stage: Literal[0, 1, 2, 3]
    precision: Precision
    micro_batch_tokens: int
    gradient_checkpointing: bool = False
    activation_offload: bool = False
    on_gpu: bool = True


@dataclass(frozen=True, slots=True)
class Sampling:
    """Inputs of the memory of one of the `tensor_parallel` shards of a sampler's engine."""

    precision: Precision
    max_model_len: int
    concurrency: int
    tensor_parallel: int = 1
    on_gpu: bool = True


def training_parts(shape: ModelShape, training: Training) -> Parts:
    """Bytes on one learner rank.

    Weights, gradients and optimizer follow section 3.1 of the ZeRO paper (arXiv 1910.02054): 2 + 2 + 12 bytes per
    parameter in mixed precision (the 12: float32 weights, momentum, variance), 4 + 4 + 8 in float32. Stage 1 shards
    the optimizer over the ranks, stage 2 the gradients too, stage 3 the weights too.
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
    """Bytes of activations that a rank offloads to host memory."""
    return _activation_bytes(shape, training) if training.activation_offload else 0


def _states(shape: ModelShape, training: Training) -> Parts:
    stage, ranks, size = training.zero_stage, training.num_ranks, BYTES_PER_ELEMENT[training.precision]
    optimizer = 12 if training.precision == "bf16" else 8
    if training.precision == "fp32" and stage > 0:
        optimizer += 4  # DeepSpeed keeps a separate copy of its partition of the weights, in float32 too
    per_parameter = {"weights": (size, 3), "gradients": (size, 2), "optimizer": (optimizer, 1)}
    return {
        part: -(-shape.parameters * bytes_each // (ranks if stage >= divided_from else 1))
        for part, (bytes_each, divided_from) in per_parameter.items()
    }


def _activation_bytes(shape: ModelShape, training: Training) -> int:
    """With checkpointing each layer keeps only its input (section 5 of arXiv 2205.05198); one layer is recomputed."""
    per_layer = shape.layer_activation_bytes_per_token(training.precision)
    if training.gradient_checkpointing:
        per_token = shape.layers * shape.hidden * BYTES_PER_ELEMENT[training.precision] + per_layer
    else:
        per_token = shape.layers * per_layer
    return per_token * training.micro_batch_tokens


def _logits_bytes(shape: ModelShape, training: Training) -> int:
    """Peak during the backward pass of the loss.

    The log-softmax and its gradient are held in float32; the gradient is also held twice in the logits' own precision
    (without the last position, and padded to it). In float32 one of these is the same tensor.
    """
    return shape.vocab * 12 * training.micro_batch_tokens


def _buffer_bytes(shape: ModelShape, training: Training) -> int:
    """ZeRO's communication buffers: a bucket of gradients and, under stage 3, the gathered weights in use."""
    if training.num_ranks == 1 or training.zero_stage == 0:
        return 0
    elements = min(_BUCKET_ELEMENTS, shape.parameters)
    if training.zero_stage == 3:
        elements += min(_ZERO3_LIVE_PARAMETERS, shape.parameters)
    return elements * BYTES_PER_ELEMENT[training.precision]


def sampling_parts(shape: ModelShape, sampling: Sampling) -> Parts:
    """Bytes on one GPU (or in host memory) of a sampler whose rollouts are all at full length.

    `kv_cache` holds all of them at once. vLLM also runs with less: the remaining rollouts wait.
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
    """KV-cache bytes of one full-length rollout. vLLM refuses to start with less.

    Key and value heads are sharded, but each shard holds at least one.
    """
    heads = max(1, -(-shape.kv_heads // sampling.tensor_parallel))
    per_token = shape.kv_bytes_per_token(sampling.precision) * heads // shape.kv_heads
    return per_token * sampling.max_model_len


def format_bytes(size_bytes: int) -> str:
    """A size for people, in GiB or MiB."""
    return f"{size_bytes / GIB:,.1f} GiB" if size_bytes >= GIB else f"{size_bytes / 2**20:,.1f} MiB"
