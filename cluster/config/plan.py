"""The plan of a run before it starts: GPUs, memory by part, disk, and whether this machine has them."""

import json
import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table

from actors.dtype import Dtype, resolve_dtype
from actors.settings import SamplerSettings
from cluster.config.machine import Machine, this_machine
from cluster.config.memory import (
    GIB,
    ModelShape,
    Parts,
    Precision,
    Sampling,
    ShapeError,
    Training,
    kv_cache_minimum_bytes,
    offloaded_bytes,
    sampling_parts,
    training_parts,
)
from cluster.config.run_config import RunConfig
from learner.settings import LearnerSettings, PhaseSettings

_HOST_BYTES_BESIDE_A_GPU = 3 * GIB
"""Host memory of a process whose model is on a GPU: imports, pinned buffers. An allowance, not a formula."""
_STORE_BYTES = GIB
"""An allowance for the store and the logs of a run."""
_STATES_KEPT = 2
"""Learner states on disk at once: the last one, and the next while it is written."""

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
"""Shapes that can be planned with before the model is downloaded, from the models' own config.json."""


class UnknownModelError(ValueError):
    """A model whose sizes cannot be told without downloading it."""


class DoesNotFitError(RuntimeError):
    """The run needs more than there is. The message has the numbers and what would help."""


@dataclass(frozen=True, slots=True)
class Role:
    """One kind of process: `parts` in bytes on each of its `devices`, of which `budget_bytes` may be used.

    `gpus_each` is the GPU of a device or the part of one that it has, 0 in host memory.
    """

    name: str
    devices: int
    gpus_each: float
    parts: Parts
    budget_bytes: int | None = None
    note: str = ""

    @property
    def bytes(self) -> int:
        """On one device, all parts together."""
        return sum(self.parts.values())

    @property
    def on_gpu(self) -> bool:
        """On GPUs, or in host memory?"""
        return self.gpus_each > 0

    @property
    def where(self) -> str:
        """What one device is, in words."""
        if not self.on_gpu:
            return "host memory"
        return "each GPU" if self.gpus_each >= 1 else f"{self.gpus_each:.2g} of a GPU"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run needs and what is there. `shortfalls` says in words what is missing; empty means that it fits."""

    shape: ModelShape
    roles: tuple[Role, ...]
    gpus_wanted: int
    host_bytes: int
    disk_bytes: int
    machine: Machine
    shortfalls: tuple[str, ...]

    def require_fit(self) -> None:
        """Raises `DoesNotFitError` if something is missing."""
        if self.shortfalls:
            raise DoesNotFitError("this machine cannot hold the run. " + "; ".join(self.shortfalls))

    @property
    def fits(self) -> bool:
        """Is everything that the run needs here?"""
        return not self.shortfalls

    def as_dict(self) -> dict[str, Any]:
        """The plan for JSON. Sizes are bytes."""
        return {
            "model": {"name": self.shape.name, "parameters": self.shape.parameters},
            "roles": [
                {
                    "name": role.name,
                    "devices": role.devices,
                    "device": "gpu" if role.on_gpu else "host",
                    "gpus_each": role.gpus_each,
                    "bytes_by_part": role.parts,
                    "bytes": role.bytes,
                    "budget_bytes": role.budget_bytes,
                    "note": role.note,
                }
                for role in self.roles
            ],
            "gpus": {"wanted": self.gpus_wanted, "present": [gpu.memory_bytes for gpu in self.machine.gpus]},
            "host_memory": {"wanted_bytes": self.host_bytes, "available_bytes": self.machine.memory_bytes},
            "disk": {"wanted_bytes": self.disk_bytes, "free_bytes": self.machine.disk_bytes},
            "fits": self.fits,
            "shortfalls": list(self.shortfalls),
        }

    def render(self) -> RenderableType:
        """The plan for people: a table of memory by part and a line each on GPUs, host memory and disk."""
        lines = [
            f"GPUs: {self.gpus_wanted} wanted, {_gpus(self.machine)} here",
            f"Host memory: {_size(self.host_bytes)} wanted, {_size(self.machine.memory_bytes)} available",
            f"Disk: {_size(self.disk_bytes)} wanted, {_size(self.machine.disk_bytes)} free",
            *(f"{role.name}: {role.note}" for role in self.roles if role.note),
            "It fits." if self.fits else "It does not fit:",
            *(f"  {shortfall}" for shortfall in self.shortfalls),
        ]
        return Group(self._table(), *lines)

    def _table(self) -> Table:
        table = Table(title=f"{self.shape.name}, {self.shape.parameters / 1e6:,.1f}M parameters")
        table.add_column("part")
        for role in self.roles:
            table.add_column(f"{role.devices} x {role.name}\n({role.where})", justify="right")
        for part in dict.fromkeys(part for role in self.roles for part in role.parts):
            table.add_row(part, *(_size(role.parts[part]) if part in role.parts else "" for role in self.roles))
        table.add_section()
        table.add_row("together", *(_size(role.bytes) for role in self.roles))
        table.add_row(
            "there is", *("" if role.budget_bytes is None else _size(role.budget_bytes) for role in self.roles)
        )
        return table


def plan_run(config: RunConfig, folder: Path, machine: Machine | None = None) -> Plan:
    """The plan of the run that `config` describes, with its files in `folder`, on `machine` (default: this one).

    Raises:
        UnknownModelError: the base model's sizes cannot be told from here.
        ShapeError: its config.json lacks one.
    """
    machine = machine or this_machine(folder)
    shape = shape_of(config.base)
    learner, sampler = _learner_role(shape, config, machine), _sampler_role(shape, config, machine)
    gpus_wanted = math.ceil(round(sum(role.devices * role.gpus_each for role in (learner, sampler)), 6))
    plan = Plan(
        shape=shape,
        roles=(learner, sampler),
        gpus_wanted=gpus_wanted,
        host_bytes=_host_bytes(shape, config, learner, sampler),
        disk_bytes=_disk_bytes(shape, config),
        machine=machine,
        shortfalls=(),
    )
    return replace(plan, shortfalls=_shortfalls(plan))


# ------------------------------------------------------------------------------------------------ the model


def shape_of(base: Any) -> ModelShape:
    """The shape of a starting point (one of `learner.bases`), without loading or downloading it.

    Raises:
        UnknownModelError: it is a name on the hub that is neither known here nor in the local cache.
        ShapeError: the config.json of a folder cannot be read or lacks a size.
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
    """The shape of a folder or of a name on the hub. Raises as `shape_of`."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _read_shape(folder / "config.json", name)
    if name in _KNOWN and revision is None:
        return _KNOWN[name]
    cached = _cached_config(name, revision)
    if cached is None:
        raise UnknownModelError(
            f"the sizes of {name} are not known here: give a folder that has its config.json, or download it first "
            f"(known without: {', '.join(_KNOWN)})"
        )
    return _read_shape(cached, name)


def _read_shape(file: Path, name: str) -> ModelShape:
    try:
        return ModelShape.from_config(json.loads(file.read_text(encoding="utf-8")), name)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ShapeError(f"{file} cannot be read: {error}") from None


def _cached_config(name: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # half a second, which most plans need not spend
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json", revision=revision)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


# ------------------------------------------------------------------------------------------------ the roles


def training_of(settings: LearnerSettings) -> Training:
    """What the learner's settings ask of each rank, at the largest micro batch of either phase."""
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
    """At most: a rank's share of a batch with every sequence at full length, and never less than one such sequence."""
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
        f"{training.micro_batch_tokens:,} tokens at most in a backward pass",
    )


def _rank_budget_bytes(config: RunConfig, machine: Machine) -> int | None:
    """A GPU, or what the engines beside a rank that has a part of one leave of it."""
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
    elif budget is not None:  # vLLM takes what is left; rollouts without room wait for the others
        left = budget - (sum(parts.values()) - parts["kv_cache"])
        parts["kv_cache"] = max(one, min(left, parts["kv_cache"]))
    at_once = min(parts["kv_cache"] // one, sampling.concurrency)
    return Role(
        name="sampler",
        devices=settings.num_samplers * (sampling.tensor_parallel if sampling.on_gpu else 1),
        gpus_each=min(1.0, settings.gpus_per_sampler),
        parts=parts,
        budget_bytes=budget,
        note=f"{_dtype(settings)}, {at_once} of {sampling.concurrency} rollouts at once at full length "
        f"({engine.max_model_len:,} tokens, {_size(one)} of cache each)",
    )


def sampling_of(settings: SamplerSettings) -> Sampling:
    """What the samplers' settings ask of each share of an engine."""
    engine = settings.engine
    return Sampling(
        precision="fp32" if _dtype(settings) == "float32" else "bf16",  # float16 is as large
        max_model_len=engine.max_model_len,
        concurrency=engine.max_concurrent_rollouts,
        tensor_parallel=engine.tensor_parallel,
        on_gpu=settings.gpus_per_sampler > 0,
    )


def _dtype(settings: SamplerSettings) -> Dtype:
    return resolve_dtype(settings.engine.dtype, on_gpu=settings.gpus_per_sampler > 0)


def _smallest_gpu_bytes(machine: Machine) -> int | None:
    return min((gpu.memory_bytes for gpu in machine.gpus), default=None)


# ------------------------------------------------------------------------------------------ host and disk


def _host_bytes(shape: ModelShape, config: RunConfig, *roles: Role) -> int:
    """Everything that is not on a GPU, and the whole weights once, gathered by the rank that publishes them."""
    training = training_of(config.learner)
    processes = sum(role.devices * (_HOST_BYTES_BESIDE_A_GPU if role.on_gpu else role.bytes) for role in roles)
    offloaded = training.num_ranks * offloaded_bytes(shape, training)
    return processes + offloaded + shape.weights_bytes(training.precision)


def _disk_bytes(shape: ModelShape, config: RunConfig) -> int:
    """Policies of the base, the warm start and every iteration; the learner's states; the store."""
    precision = _precision(config.learner)
    policies = (config.iteration.count + 2) * shape.weights_bytes(precision)
    state = shape.parameters * (14 if precision == "bf16" else 12)
    return policies + _STATES_KEPT * state + _STORE_BYTES


# ------------------------------------------------------------------------------------------- does it fit?


def _shortfalls(plan: Plan) -> tuple[str, ...]:
    machine = plan.machine
    found = []
    if plan.gpus_wanted > len(machine.gpus):
        wanted = ", ".join(f"{role.devices * role.gpus_each:g} for {role.name}s" for role in plan.roles if role.on_gpu)
        found.append(f"GPUs: {plan.gpus_wanted} are wanted ({wanted}), {len(machine.gpus)} are here")
    found += [
        _too_small(role) for role in plan.roles if role.budget_bytes is not None and role.bytes > role.budget_bytes
    ]
    if plan.host_bytes > machine.memory_bytes:
        found.append(
            f"host memory: {_size(plan.host_bytes)} are wanted, {_size(machine.memory_bytes)} are available: "
            "fewer samplers or ranks, a smaller sampler.engine.cpu_kv_cache_gib or micro_batch_tokens"
        )
    if plan.disk_bytes > machine.disk_bytes:
        found.append(
            f"disk: {_size(plan.disk_bytes)} are wanted, {_size(machine.disk_bytes)} are free: "
            "put the run on a larger disk"
        )
    return tuple(found)


def _too_small(role: Role) -> str:
    remedy = {
        "learner rank": "more num_ranks, zero_stage 3, gradient_checkpointing or smaller micro_batch_tokens",
        "sampler": "more sampler.engine.tensor_parallel or a shorter max_model_len",
    }[role.name]
    assert role.budget_bytes is not None
    return f"{role.name}: {_size(role.bytes)} are wanted on each GPU, {_size(role.budget_bytes)} may be used: {remedy}"


def _gpus(machine: Machine) -> str:
    kinds = Counter(f"{gpu.name}, {_size(gpu.memory_bytes)}" for gpu in machine.gpus)
    return " and ".join(f"{count} ({kind})" for kind, count in kinds.items()) or "0"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / GIB:,.1f} GiB" if size_bytes >= GIB else f"{size_bytes / 2**20:,.1f} MiB"
