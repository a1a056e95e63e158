"""The number format that a policy is computed in."""

from functools import cache
from pathlib import Path
from typing import Literal

type Dtype = Literal["float32", "bfloat16", "float16"]

_MULTIPLY_BFLOAT16 = frozenset({"amx_bf16", "avx512_bf16", "bf16"})  # the kernel's names; the last is Arm's


def resolve_dtype(dtype: Dtype | Literal["auto"], *, on_gpu: bool) -> Dtype:
    """`dtype`; for "auto", bfloat16 on hardware that multiplies it at full speed, else float32."""
    if dtype != "auto":
        return dtype
    return "bfloat16" if on_gpu or processor_multiplies_bfloat16() else "float32"


@cache
def processor_multiplies_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether this machine's processor has instructions for bfloat16.

    Without them torch takes several times as long for a product of bfloat16 matrices as for one of float32
    (`docs/results.md`).
    """
    for line in cpuinfo.read_text().splitlines():
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return not _MULTIPLY_BFLOAT16.isdisjoint(values.split())
    return False
