"""The kinds of processes of a run: the memory of each by part, and what it takes of a host."""

import math
from dataclasses import dataclass, replace

from actors.engine.dtype import Dtype, resolve_dtype
from actors.settings import SamplerSettings
from cluster.config.hosts.layout import Demand
from cluster.config.memory import (
    GIB,
    Parts,
    Sampling,
    Training,
    format_bytes,
    kv_cache_minimum_bytes,
    offloaded_bytes,
    sampling_parts,
    training_parts,
)
from cluster.config.model_shapes import ModelShape, Precision
from cluster.config.run_config import RunConfig
from learner.settings import LearnerSettings, PhaseSettings

_GPU_PROCESS_HOST_BYTES = 3 * GIB
"""Allowance (not a formula) for the host memory of a process whose model is on a GPU: imports, pinned buffers."""


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process: memory by part on each of its devices.

    `parts` are bytes on one device, of which `budget_bytes` may be used. `gpus_each` is the number of GPUs of a device:
    1, a fraction of one, or 0 for host memory.
    """

    name: str
    devices: int
    gpus_each: float
    parts: Parts
    budget_bytes: int | None = None
    note: str = ""

    @property
    def bytes(self) -> int:
        """Total of all parts on one device."""
        return sum(self.parts.values())

    @property
    def is_too_large(self) -> bool:
        """Whether it needs more than it may use of a GPU."""
        return self.budget_bytes is not None and self.bytes > self.budget_bytes

    @property
    def on_gpu(self) -> bool:
        """Whether the devices are GPUs rather than host memory."""
        return self.gpus_each > 0

    @property
    def host_bytes(self) -> int:
        """Host memory of the processes on one device."""
        return _GPU_PROCESS_HOST_BYTES if self.on_gpu else self.bytes

    @property
    def device_label(self) -> str:
        """One device in words."""
        if not self.on_gpu:
            return "host memory"
        return "each GPU" if self.gpus_each >= 1 else f"{self.gpus_each:.2g} of a GPU"


# ---------------------------------------------------------------- learner


def training_of(settings: LearnerSettings) -> Training:
    """The memory inputs of one rank, at the larger micro batch of the two phases."""
    return Training(
        num_ranks=settings.num_ranks,
        zero_stage=settings.deepspeed_stage,
        precision=precision_of(settings),
        micro_batch_tokens=max(
            _micro_batch_tokens(settings, phase) for phase in (settings.warm_start, settings.iteration)
        ),
        gradient_checkpointing=settings.gradient_checkpointing,
        activation_offload=settings.activation_offload,
        on_gpu=settings.gpus_per_rank > 0,
    )


def precision_of(settings: LearnerSettings) -> Precision:
    """The precision of the learner's weights."""
    return "bf16" if settings.in_bf16 else "fp32"


def _micro_batch_tokens(settings: LearnerSettings, phase: PhaseSettings) -> int:
    """Upper bound: a rank's share of a batch of full-length sequences, and at least one such sequence."""
    share = math.ceil(phase.batch_size / settings.num_ranks) * settings.max_sequence_tokens
    if phase.micro_batch_tokens is None:
        return share
    return min(share, max(phase.micro_batch_tokens, settings.max_sequence_tokens))


def learner_role(shape: ModelShape, config: RunConfig, gpu_bytes: int | None) -> Role:
    """A rank, on GPUs of `gpu_bytes`, None if that is not known."""
    training = training_of(config.learner)
    return Role(
        name="learner rank",
        devices=training.num_ranks,
        gpus_each=config.learner.gpus_per_rank,
        parts=training_parts(shape, training),
        budget_bytes=int(gpu_bytes * _share_of_rank(config)) if training.on_gpu and gpu_bytes is not None else None,
        note=f"ZeRO-{training.zero_stage}, {training.precision}, "
        f"at most {training.micro_batch_tokens:,} tokens per backward pass",
    )


def _share_of_rank(config: RunConfig) -> float:
    """The share of a GPU's memory that a rank may use: all, or what the engines that share the GPU leave of it."""
    part = config.learner.gpus_per_rank
    engines = 0 if part == 1 else round(1 / part) - 1
    return 1 - engines * config.sampler.engine.gpu_memory_utilization


def rank_demand(shape: ModelShape, config: RunConfig) -> Demand:
    """What a rank takes of a host, its part of what the learner copies included."""
    role, training = learner_role(shape, config, None), training_of(config.learner)
    copied = math.ceil(copied_bytes(shape, config) / training.num_ranks)
    share = _share_of_rank(config) if role.on_gpu else 0.0
    return replace(
        bare_rank_demand(config),
        memory_bytes=role.host_bytes + offloaded_bytes(shape, training) + copied,
        gpu_memory_bytes=math.ceil(role.bytes / share) if share > 0 else 0,
    )


def bare_rank_demand(config: RunConfig) -> Demand:
    """What a rank requests from Ray."""
    learner = config.learner
    return Demand("learner rank", learner.num_ranks, learner.cpus_per_rank, learner.gpus_per_rank)


def copied_bytes(shape: ModelShape, config: RunConfig) -> int:
    """The largest copy that the learner makes in host memory.

    That is the full weights, gathered by the rank that publishes them, or a checkpoint that is written in the
    background.
    """
    precision = precision_of(config.learner)
    state = state_bytes(shape, precision) if config.learner.checkpoint_in_background else 0
    return max(shape.weights_bytes(precision), state)


def state_bytes(shape: ModelShape, precision: Precision) -> int:
    """A checkpoint of all ranks: Adam's two moments and the weights in float32, and in bfloat16 if that is used."""
    return shape.parameters * (14 if precision == "bf16" else 12)


# ---------------------------------------------------------------- samplers


def sampler_role(shape: ModelShape, config: RunConfig, gpu_bytes: int | None) -> Role:
    """A sampler, on GPUs of `gpu_bytes`, None if that is not known."""
    settings, engine = config.sampler, config.sampler.engine
    sampling = sampling_of(settings)
    parts = sampling_parts(shape, sampling)
    budget = int(gpu_bytes * engine.gpu_memory_utilization) if sampling.on_gpu and gpu_bytes is not None else None
    one = kv_cache_minimum_bytes(shape, sampling)
    if not sampling.on_gpu:
        parts["kv_cache"] = engine.cpu_kv_cache_gib * GIB
    elif budget is not None:  # vLLM takes what is left; rollouts that do not fit wait
        left = budget - (sum(parts.values()) - parts["kv_cache"])
        parts["kv_cache"] = max(one, min(left, parts["kv_cache"]))
    at_once = min(parts["kv_cache"] // one, sampling.concurrency)
    return Role(
        name="sampler",
        devices=settings.num_samplers * (sampling.tensor_parallel if sampling.on_gpu else 1),
        gpus_each=min(1.0, settings.gpus_per_sampler),
        parts=parts,
        budget_bytes=budget,
        note=f"{_dtype(settings)}, {at_once} of {sampling.concurrency} full-length rollouts at once "
        f"({engine.max_model_len:,} tokens, {format_bytes(one)} of cache each)",
    )


def sampler_demand(shape: ModelShape, config: RunConfig) -> Demand:
    """What a sampler takes of a host. Its GPUs must hold the weights and the cache of at least one rollout."""
    settings, role = config.sampler, sampler_role(shape, config, None)
    sampling = sampling_of(settings)
    least = role.bytes - role.parts["kv_cache"] + kv_cache_minimum_bytes(shape, sampling)
    return replace(
        bare_sampler_demand(config),
        memory_bytes=role.host_bytes * (sampling.tensor_parallel if role.on_gpu else 1),
        gpu_memory_bytes=math.ceil(least / settings.engine.gpu_memory_utilization) if role.on_gpu else 0,
    )


def bare_sampler_demand(config: RunConfig) -> Demand:
    """What a sampler requests from Ray."""
    sampler = config.sampler
    return Demand("sampler", sampler.num_samplers, sampler.reserved_cpus, sampler.gpus_per_sampler)


def sampling_of(settings: SamplerSettings) -> Sampling:
    """The memory inputs of one shard of an engine."""
    engine = settings.engine
    return Sampling(
        precision="fp32" if _dtype(settings) == "float32" else "bf16",  # float16 has the same size
        max_model_len=engine.max_model_len,
        concurrency=engine.max_concurrent_rollouts,
        tensor_parallel=engine.tensor_parallel,
        on_gpu=settings.gpus_per_sampler > 0,
    )


def _dtype(settings: SamplerSettings) -> Dtype:
    return resolve_dtype(settings.engine.dtype, on_gpu=settings.gpus_per_sampler > 0)
