"""Plan a run before it starts: GPUs, memory by part, disk, and whether the machine has enough of each."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

from actors.engine.dtype import Dtype, resolve_dtype
from actors.settings import SamplerSettings
from cluster.config.machine import Machine, this_machine
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
from cluster.config.model_shapes import ModelShape, Precision, shape_of
from cluster.config.run_config import RunConfig
from learner.settings import LearnerSettings, PhaseSettings

_GPU_PROCESS_HOST_BYTES = 3 * GIB
"""Allowance (not a formula) for the host memory of a process whose model is on a GPU: imports, pinned buffers."""
_STORE_BYTES = GIB
"""Allowance for the store and the logs of a run."""
_STATES_KEPT = 3
"""Checkpoints of a training on disk at the same time: the last two, and the next one while it is being written."""


class DoesNotFitError(RuntimeError):
    """The run needs more than the machine has. The message gives the numbers and possible remedies."""


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
    def on_gpu(self) -> bool:
        """Whether the devices are GPUs rather than host memory."""
        return self.gpus_each > 0

    @property
    def device_label(self) -> str:
        """One device in words."""
        if not self.on_gpu:
            return "host memory"
        return "each GPU" if self.gpus_each >= 1 else f"{self.gpus_each:.2g} of a GPU"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run needs and what the machine has. `shortfalls` are messages; the run fits if there are none."""

    shape: ModelShape
    roles: tuple[Role, ...]
    gpus_needed: int
    host_bytes: int
    disk_bytes: int
    machine: Machine
    shortfalls: tuple[str, ...]

    def require_fit(self) -> None:
        """Raise `DoesNotFitError` if there is a shortfall."""
        if self.shortfalls:
            raise DoesNotFitError("the run does not fit on this machine. " + "; ".join(self.shortfalls))

    @property
    def fits(self) -> bool:
        """Whether the machine has everything that the run needs."""
        return not self.shortfalls


def plan_run(config: RunConfig, folder: Path, machine: Machine | None = None) -> Plan:
    """Plan the run of `config`, with its files in `folder`, on `machine` (default: this one).

    Raises:
        UnknownModelError: the base model's sizes cannot be determined without a download.
        ShapeError: its config.json lacks a size.
    """
    machine = machine or this_machine(folder)
    shape = shape_of(config.base)
    learner, sampler = _learner_role(shape, config, machine), _sampler_role(shape, config, machine)
    gpus_needed = math.ceil(round(sum(role.devices * role.gpus_each for role in (learner, sampler)), 6))
    plan = Plan(
        shape=shape,
        roles=(learner, sampler),
        gpus_needed=gpus_needed,
        host_bytes=_host_bytes(shape, config, learner, sampler),
        disk_bytes=_disk_bytes(shape, config),
        machine=machine,
        shortfalls=(),
    )
    return replace(plan, shortfalls=_shortfalls(plan))


# ---------------------------------------------------------------- roles


def training_of(settings: LearnerSettings) -> Training:
    """The memory inputs of one rank, at the larger micro batch of the two phases."""
    return Training(
        num_ranks=settings.num_ranks,
        zero_stage=settings.deepspeed_stage,
        precision=_precision(settings),
        micro_batch_tokens=max(
            _micro_batch_tokens(settings, phase) for phase in (settings.warm_start, settings.iteration)
        ),
        gradient_checkpointing=settings.gradient_checkpointing,
        activation_offload=settings.activation_offload,
        on_gpu=settings.gpus_per_rank > 0,
    )


def _precision(settings: LearnerSettings) -> Precision:
    return "bf16" if settings.in_bf16 else "fp32"


def _micro_batch_tokens(settings: LearnerSettings, phase: PhaseSettings) -> int:
    """Upper bound: a rank's share of a batch of full-length sequences, and at least one such sequence."""
    share = math.ceil(phase.batch_size / settings.num_ranks) * settings.max_sequence_tokens
    if phase.micro_batch_tokens is None:
        return share
    return min(share, max(phase.micro_batch_tokens, settings.max_sequence_tokens))


def _learner_role(shape: ModelShape, config: RunConfig, machine: Machine) -> Role:
    training = training_of(config.learner)
    return Role(
        name="learner rank",
        devices=training.num_ranks,
        gpus_each=config.learner.gpus_per_rank,
        parts=training_parts(shape, training),
        budget_bytes=_rank_budget_bytes(config, machine) if training.on_gpu else None,
        note=f"ZeRO-{training.zero_stage}, {training.precision}, "
        f"at most {training.micro_batch_tokens:,} tokens per backward pass",
    )


def _rank_budget_bytes(config: RunConfig, machine: Machine) -> int | None:
    """A whole GPU, or what the engines that share a rank's GPU leave of it."""
    smallest, part = _smallest_gpu_bytes(machine), config.learner.gpus_per_rank
    if smallest is None or part == 1:
        return smallest
    engines = round(1 / part) - 1
    return int(smallest * (1 - engines * config.sampler.engine.gpu_memory_utilization))


def _sampler_role(shape: ModelShape, config: RunConfig, machine: Machine) -> Role:
    settings, engine = config.sampler, config.sampler.engine
    sampling = sampling_of(settings)
    parts = sampling_parts(shape, sampling)
    smallest = _smallest_gpu_bytes(machine) if sampling.on_gpu else None
    budget = None if smallest is None else int(smallest * engine.gpu_memory_utilization)
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


def _smallest_gpu_bytes(machine: Machine) -> int | None:
    return min((gpu.memory_bytes for gpu in machine.gpus), default=None)


# ---------------------------------------------------------------- host memory and disk


def _host_bytes(shape: ModelShape, config: RunConfig, *roles: Role) -> int:
    """Everything that is not on a GPU, and the largest copy that the learner makes.

    That is the full weights, gathered by the rank that publishes them, or a checkpoint that is written in the
    background.
    """
    training = training_of(config.learner)
    processes = sum(role.devices * (_GPU_PROCESS_HOST_BYTES if role.on_gpu else role.bytes) for role in roles)
    offloaded = training.num_ranks * offloaded_bytes(shape, training)
    copied = _state_bytes(shape, training.precision) if config.learner.checkpoint_in_background else 0
    return processes + offloaded + max(shape.weights_bytes(training.precision), copied)


def _disk_bytes(shape: ModelShape, config: RunConfig) -> int:
    """The policies of the base, the warm start and every iteration, the learner's states and the store."""
    precision = _precision(config.learner)
    if config.storage.url is not None:  # copies of the loaded policy and the next one, and what is being uploaded
        return 2 * shape.weights_bytes(precision) + _state_bytes(shape, precision) + _STORE_BYTES
    policies = (config.iteration.count + 2) * shape.weights_bytes(precision)
    return policies + _STATES_KEPT * _state_bytes(shape, precision) + _STORE_BYTES


def _state_bytes(shape: ModelShape, precision: Precision) -> int:
    """A checkpoint of all ranks: Adam's two moments and the weights in float32, and in bfloat16 if that is used."""
    return shape.parameters * (14 if precision == "bf16" else 12)


# ---------------------------------------------------------------- shortfalls


def _shortfalls(plan: Plan) -> tuple[str, ...]:
    machine = plan.machine
    found = []
    if plan.gpus_needed > len(machine.gpus):
        roles = ", ".join(f"{role.devices * role.gpus_each:g} for {role.name}s" for role in plan.roles if role.on_gpu)
        found.append(f"GPUs: {plan.gpus_needed} needed ({roles}), {len(machine.gpus)} present")
    found += [
        _too_small(role) for role in plan.roles if role.budget_bytes is not None and role.bytes > role.budget_bytes
    ]
    if plan.host_bytes > machine.memory_bytes:
        found.append(
            f"host memory: {format_bytes(plan.host_bytes)} needed, {format_bytes(machine.memory_bytes)} available: "
            "use fewer samplers or ranks, a smaller sampler.engine.cpu_kv_cache_gib or micro_batch_tokens, or "
            "learner.checkpoint_in_background = false"
        )
    if plan.disk_bytes > machine.disk_bytes:
        found.append(
            f"disk: {format_bytes(plan.disk_bytes)} needed, {format_bytes(machine.disk_bytes)} free: "
            "put the run on a larger disk"
        )
    return tuple(found)


def _too_small(role: Role) -> str:
    remedy = {
        "learner rank": "raise num_ranks, set zero_stage 3 or gradient_checkpointing, or lower micro_batch_tokens",
        "sampler": "raise sampler.engine.tensor_parallel or lower max_model_len",
    }[role.name]
    assert role.budget_bytes is not None
    need, budget = format_bytes(role.bytes), format_bytes(role.budget_bytes)
    return f"{role.name}: {need} needed on each GPU, {budget} usable: {remedy}"
