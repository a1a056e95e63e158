"""Speeds of engines and ranks that nobody measured: what memory, arithmetic and network allow, whichever is less."""

from math import ceil

from cluster.config.memory import Sampling, kv_cache_minimum_bytes, sampling_parts
from cluster.config.model_shapes import ModelShape
from cluster.simulation.case import DecodeSpeed, step_times
from cluster.simulation.inputs.assumptions import HardwareAssumptions
from cluster.simulation.inputs.hardware import GpuKind
from learner.settings import LearnerSettings, PhaseSettings

_BF16_BYTES = 2


class EngineDoesNotFitError(ValueError):
    """An engine whose weights leave no room for a sequence on the GPU."""


def decode_speed(
    shape: ModelShape,
    gpu: GpuKind,
    sampling: Sampling,
    utilization: float,
    context: float,
    assumed: HardwareAssumptions,
) -> DecodeSpeed:
    """The speed of an engine on `sampling.tensor_parallel` GPUs whose sequences have `context` tokens on average.

    A step reads the weights once and the cache of each sequence, and does two operations per parameter and sequence
    (the roofline of arXiv 2402.16363); tensor parallel divides both and adds two all-reduces per layer.

    Raises:
        EngineDoesNotFitError: the GPU's memory does not hold it.
    """
    gpus = sampling.tensor_parallel
    places = _places(shape, gpu, sampling, utilization, context)
    cache_bytes = shape.kv_bytes_per_token("bf16") * context
    weights_bytes = shape.weights_bytes("bf16")
    sync_s = 2 * shape.layers * assumed.layer_sync_s if gpus > 1 else 0.0
    steps = []
    for sequences in range(1, places + 1):
        moved_s = (weights_bytes + sequences * cache_bytes) / (gpu.memory_bytes_per_s * assumed.decode_bandwidth_share)
        computed_s = 2 * shape.parameters * sequences / (gpu.flops * assumed.decode_flops_share)
        steps.append(max(moved_s, computed_s) / gpus + sync_s + assumed.step_overhead_s)
    prefill_s = 2 * shape.parameters / (gpu.flops * gpus * assumed.prefill_flops_share)
    return DecodeSpeed(step_times(places, steps), prefill_s)


def _places(shape: ModelShape, gpu: GpuKind, sampling: Sampling, utilization: float, context: float) -> int:
    """As many sequences of average length as the memory holds, and no more than configured."""
    parts = sampling_parts(shape, sampling)
    left = gpu.memory_bytes * utilization - (sum(parts.values()) - parts["kv_cache"])
    if left < kv_cache_minimum_bytes(shape, sampling):
        raise EngineDoesNotFitError(
            f"an engine of {shape.name} does not fit on {sampling.tensor_parallel} {gpu.name}: raise "
            "sampler.engine.tensor_parallel or choose another --gpu"
        )
    per_sequence = kv_cache_minimum_bytes(shape, sampling) * context / sampling.max_model_len
    return min(sampling.concurrency, int(left / per_sequence))


def train_seconds(
    shape: ModelShape,
    gpu: GpuKind,
    settings: LearnerSettings,
    samples: float,
    sample_tokens: float,
    assumed: HardwareAssumptions,
) -> float:
    """The seconds of one iteration's training on `settings.num_ranks` GPUs with the phase `iteration`.

    A step takes as long as the busiest rank computes, or as its weights and gradients travel, whichever is longer.
    Each token costs 6 operations per parameter, and 2 more where activations are computed again (arXiv 2205.05198).
    """
    phase = settings.iteration
    compute_s, moved_s = _compute_s(shape, gpu, settings, phase, sample_tokens, assumed), 0.0
    if settings.num_ranks > 1:
        link = gpu.link_bytes_per_s if settings.num_ranks <= gpu.per_node else assumed.network_bytes_per_s
        moved_s = _moved_bytes(shape, settings, phase, sample_tokens) / min(link, gpu.link_bytes_per_s)
    return num_steps(phase, samples) * (max(compute_s, moved_s) + assumed.step_latency_s)


def num_steps(phase: PhaseSettings, samples: float) -> int:
    """Optimizer steps of a phase over so many samples."""
    by_epochs = None if phase.epochs is None else phase.epochs * ceil(samples / phase.batch_size)
    return min(steps for steps in (phase.steps, by_epochs) if steps is not None)


def _compute_s(
    shape: ModelShape,
    gpu: GpuKind,
    settings: LearnerSettings,
    phase: PhaseSettings,
    sample_tokens: float,
    assumed: HardwareAssumptions,
) -> float:
    per_rank = ceil(phase.batch_size / settings.num_ranks) * sample_tokens / (1 - assumed.padding_share)
    operations = (8 if settings.gradient_checkpointing else 6) * shape.parameters * per_rank
    return operations / (gpu.flops * assumed.train_flops_share)


def _moved_bytes(shape: ModelShape, settings: LearnerSettings, phase: PhaseSettings, sample_tokens: float) -> float:
    """Bytes that a rank receives in a step (ZeRO, arXiv 1910.02054, section 7).

    Stage 3 gathers the weights twice and scatters the gradients for each micro batch, the others move as much as an
    all-reduce of the gradients.
    """
    ranks, weights = settings.num_ranks, shape.parameters * _BF16_BYTES
    others = (ranks - 1) / ranks
    if settings.deepspeed_stage < 3:
        return 2 * weights * others
    per_rank = ceil(phase.batch_size / ranks) * sample_tokens
    micro_batches = ceil(per_rank / phase.micro_batch_tokens) if phase.micro_batch_tokens else 1
    return 3 * weights * others * micro_batches
