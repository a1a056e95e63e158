"""GPUs, memory and disk of this machine. Read from the system without importing torch, so that it is fast."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_NVIDIA_SMI_LIMIT_S = 10


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as nvidia-smi lists it."""

    name: str
    memory_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run can use. `cpus` are those that Ray counts, whichever of them this process may use.

    `memory_bytes` is available now, within the container's limit; `disk_bytes` is free.
    """

    cpus: int
    memory_bytes: int
    disk_bytes: int
    gpus: tuple[Gpu, ...] = ()


def this_machine(folder: Path = Path()) -> Machine:
    """This machine; `disk_bytes` is measured where `folder` is or will be."""
    return Machine(
        cpus=os.cpu_count() or 1,
        memory_bytes=available_memory_bytes(),
        disk_bytes=free_disk_bytes(folder),
        gpus=find_gpus(),
    )


def find_gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that CUDA_VISIBLE_DEVICES allows; empty without a working driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        if not visible.strip(" ,") or visible.startswith("-"):
            return ()
        command.append(f"--id={visible}")
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=_NVIDIA_SMI_LIMIT_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    return parse_gpus(result.stdout)


def parse_gpus(csv: str) -> tuple[Gpu, ...]:
    """Parse `name, total MiB, free MiB` lines. A GPU that reports no memory (a MIG slice) is skipped."""
    gpus = []
    for line in csv.splitlines():
        fields = [field.strip() for field in line.rsplit(",", 2)]
        if len(fields) == 3 and fields[1].isdigit() and fields[2].isdigit():
            gpus.append(Gpu(fields[0], int(fields[1]) * 2**20, int(fields[2]) * 2**20))
    return tuple(gpus)


def available_memory_bytes() -> int:
    """Host memory available without swapping, within the container's limit."""
    return min(_meminfo_bytes("MemAvailable"), _cgroup_available_bytes())


def free_disk_bytes(folder: Path) -> int:
    """Free bytes on the file system of `folder`, or of its nearest existing parent."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _meminfo_bytes(key: str) -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    raise AssertionError(f"/proc/meminfo has no {key}")


def _cgroup_available_bytes() -> int:
    """What the container's memory limit leaves, with its file cache counted as free; unbounded without a limit."""
    groups = [  # cgroup v2, then v1
        ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ]
    for folder, limit, used, cache in groups:
        group = Path(folder)
        try:
            left = int((group / limit).read_text()) - int((group / used).read_text())
            return max(0, left + _stat(group / "memory.stat", cache))
        except (OSError, ValueError):  # another cgroup version, or "max"
            continue
    return 2**63


def _stat(file: Path, key: str) -> int:
    values = dict(line.split() for line in file.read_text().splitlines())
    return int(values.get(key, 0))
