"""The hosts of a cluster: what each has, or what is free of it. Read from Ray, or made from this machine."""

import socket
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cluster.config.machine import Machine
from cluster.config.memory import format_bytes


@dataclass(frozen=True, slots=True)
class Host:
    """A host. Sizes that are not known are None; `gpu_memory_bytes` is that of its smallest GPU.

    `node_id` is Ray's, where the host was read from Ray. `is_expected`: it is not there yet, the autoscaler may add it.
    """

    name: str
    cpus: float
    memory_bytes: int | None = None
    gpus: float = 0.0
    gpu_memory_bytes: int | None = None
    gpu_type: str | None = None
    node_id: str | None = None
    is_expected: bool = False


def host_of(machine: Machine) -> Host:
    """This machine as a host."""
    kinds = Counter(gpu.name for gpu in machine.gpus)
    return Host(
        name=socket.gethostname(),
        cpus=machine.cpus,
        memory_bytes=machine.memory_bytes,
        gpus=len(machine.gpus),
        gpu_memory_bytes=min((gpu.memory_bytes for gpu in machine.gpus), default=None),
        gpu_type=" and ".join(kinds) or None,
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """The hosts of a cluster that a run joins.

    `expected` are further ones that the autoscaler may add. `is_elastic`: it may add hosts that are not known.
    """

    hosts: tuple[Host, ...]
    expected: tuple[Host, ...] = ()
    is_elastic: bool = False


def largest(hosts: Iterable[Host]) -> Host:
    """The host with the most GPUs, and of these with the most processors."""
    return max(hosts, key=lambda host: (host.gpus, host.cpus))


def describe_gpus(hosts: Iterable[Host]) -> str:
    """The GPUs of all hosts in words, e.g. `8 (NVIDIA H100, 80.0 GiB)`."""
    kinds: Counter[str] = Counter()
    for host in hosts:
        if host.gpus:
            memory = "unknown memory" if host.gpu_memory_bytes is None else format_bytes(host.gpu_memory_bytes)
            kinds[f"{host.gpu_type or 'unknown type'}, {memory}"] += host.gpus  # type: ignore[assignment]
    return " and ".join(f"{count:g} ({kind})" for kind, count in kinds.items()) or "0"


def amounts(
    gpus: float, cpus: float, gpu_memory_bytes: int | None = None, memory_bytes: int | None = None, *, least: str = ""
) -> str:
    """Resources in words, e.g. `2 GPUs of 80.0 GiB, 8 processors and 16.0 GiB of memory`; those of 0 are left out.

    `least` is put before the memory of a GPU, e.g. "at least ".
    """
    of = f" of {least}{format_bytes(gpu_memory_bytes)}" if gpu_memory_bytes else ""
    parts = [f"{gpus:g} GPU{'' if gpus == 1 else 's'}{of}"] * bool(gpus)
    parts += [f"{cpus:g} processor{'' if cpus == 1 else 's'}"] * bool(cpus)
    parts += [f"{format_bytes(memory_bytes)} of memory"] if memory_bytes else []
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:]))) or "nothing"


def describe(host: Host) -> str:
    """What a host has, in words."""
    return amounts(host.gpus, host.cpus, host.gpu_memory_bytes if host.gpus else None, host.memory_bytes)
