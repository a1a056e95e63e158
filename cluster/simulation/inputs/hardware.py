"""GPUs that can be simulated without having one: figures of their data sheets."""

from dataclasses import dataclass

from cluster.config.memory import GIB


class UnknownGpuError(ValueError):
    """A GPU that is not in the table. The message lists those that are."""


@dataclass(frozen=True, slots=True)
class GpuKind:
    """One kind of GPU. `flops` are dense bfloat16 operations a second; `link_bytes_per_s` is one way, within a node."""

    name: str
    memory_bytes: int
    memory_bytes_per_s: float
    flops: float
    link_bytes_per_s: float
    per_node: int = 8


GPUS = {
    kind.name: kind
    for kind in (
        # NVIDIA H200 Tensor Core GPU data sheet, SXM: 141 GB, 4.8 TB/s, 1,979 TFLOPS with sparsity, NVLink 900 GB/s
        GpuKind("H200", 140 * GIB, 4.8e12, 989e12, 450e9),
        # NVIDIA H100 Tensor Core GPU data sheet, SXM: 80 GB, 3.35 TB/s, 1,979 TFLOPS with sparsity, NVLink 900 GB/s
        GpuKind("H100", 80 * GIB, 3.35e12, 989e12, 450e9),
        # NVIDIA A100 Tensor Core GPU data sheet, SXM 80 GB: 2,039 GB/s, 312 TFLOPS, NVLink 600 GB/s
        GpuKind("A100", 80 * GIB, 2.039e12, 312e12, 300e9),
        # NVIDIA L4 Tensor Core GPU data sheet: 24 GB, 300 GB/s, 242 TFLOPS with sparsity, PCIe Gen4 x16 64 GB/s
        GpuKind("L4", 23 * GIB, 300e9, 121e12, 32e9),
    )
}


def gpu_kind(name: str) -> GpuKind:
    """The GPU of this name, in any case. Raises `UnknownGpuError`."""
    try:
        return GPUS[name.upper()]
    except KeyError:
        raise UnknownGpuError(f"--gpu {name!r} is unknown: choose one of {', '.join(GPUS)}") from None
