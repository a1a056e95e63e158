"""What the host of this process has: processors and memory, within the limits of its container."""

import math
import os
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_MEMORY_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # cgroup v2, then v1


def processors() -> int:
    """The number of processors of this host."""
    return os.cpu_count() or 1


def memory_bytes(cgroups: Path = _CGROUPS) -> int:
    """The memory of this host, or the container's limit if that is lower."""
    limits = [_limit(cgroups / name) for name in _MEMORY_LIMITS]
    return int(min(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *limits))


def _limit(file: Path) -> float:
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # another cgroup version, or "max"
        return math.inf
