"""The sandbox's settings. Limits that policy.cfg sets take their defaults from it.

What depends on the host is left open in the settings, and decided by the process that runs the sandbox: a run's
configuration is made on one host, and its samplers run on others.
"""

import math
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from sandbox.capacity import memory_bytes, processors
from sandbox.policy import policy_limits

KIB, MIB, GIB = 1024, 1024**2, 1024**3
_BLOCKS_PER_PROCESSOR, _MOST_BLOCKS, _MOST_CHECKS = 2, 4096, 256
_SMALLEST_JAIL_BYTES = 64 * MIB
MATHEMATICS = ("sympy", "numpy", "scipy", "mpmath")
# Visible, but not imported in advance: pandas alone would double what every session forks.
FURTHER = ("networkx", "pandas", "dateutil", "six", "tzdata")  # pandas needs the last three


class SandboxSettings(BaseModel):
    """Settings of the interpreter for model-written code."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    preload: tuple[str, ...] = Field(MATHEMATICS, description="modules that a session finds already imported")
    packages: tuple[str, ...] = Field(
        ("sympy", "mpmath", "numpy", "numpy.libs", "scipy", "scipy.libs", *FURTHER),
        description="installed packages that are visible in the jail, read-only",
    )
    max_concurrent_sessions: int = Field(256, ge=1, le=4096)
    max_concurrent_blocks: int | None = Field(
        None,
        ge=1,
        le=_MOST_BLOCKS,
        description="blocks computing at one time; unset: two for each processor of the host, or of those reserved",
    )
    sessions_per_jail: int = Field(5_000, ge=1, description="after so many sessions a new jail takes over, once ready")
    jail_growth_bytes: int = Field(
        256 * MIB, ge=16 * MIB, description="a jail whose warm parent has grown by more is renewed"
    )

    block_wall_s: float = Field(10.0, gt=0, le=3600)
    session_wall_s: float = Field(60.0, gt=0, le=86_400, description="over all of a session's blocks")
    session_cpu_s: int = Field(
        default_factory=lambda: policy_limits().cpu_s, ge=1, description="of all its processes together"
    )
    memory_bytes: int = Field(
        default_factory=lambda: policy_limits().memory_bytes,
        ge=16 * MIB,
        description="address space of each process, and private memory of a session, above what the warm parent holds",
    )
    processes: int = Field(default_factory=lambda: policy_limits().processes, ge=1, le=1024, description="and threads")
    open_files: int = Field(default_factory=lambda: policy_limits().open_files, ge=8, le=1024)
    file_bytes: int = Field(default_factory=lambda: policy_limits().file_bytes, ge=0)
    tmpfs_bytes: int = Field(default_factory=lambda: policy_limits().tmpfs_bytes, ge=4096)
    output_bytes: int = Field(
        1 * MIB, ge=256, description="stdout and stderr together; a block that prints more is ended"
    )
    source_bytes: int = Field(256 * KIB, ge=1, le=16 * MIB)
    jail_memory_bytes: int | None = Field(
        None,
        ge=_SMALLEST_JAIL_BYTES,
        description="where cgroups are usable; unset: what policy.cfg allows, and at most half of the host's memory",
    )
    jail_processes: int = Field(
        default_factory=lambda: policy_limits().jail_processes, ge=16, description="where cgroups are usable"
    )
    start_s: float = Field(60.0, gt=0, description="for the warm parent's imports")
    move_libraries: bool = Field(
        True, description="move shared libraries into huge pages, for cheaper sessions; False if jails do not start"
    )

    @property
    def blocks_at_once(self) -> int:
        """The number of blocks that compute at one time, in a sandbox of this process."""
        return self.max_concurrent_blocks or min(_BLOCKS_PER_PROCESSOR * processors(), _MOST_BLOCKS)

    @property
    def jail_limit_bytes(self) -> int:
        """The memory of a jail with all its sessions, in a sandbox of this process."""
        return self.jail_memory_bytes or max(
            _SMALLEST_JAIL_BYTES, min(policy_limits().jail_memory_bytes, memory_bytes() // 2)
        )

    def with_processors(self, reserved: float) -> Self:
        """The settings of a sandbox that has so many processors of its host to itself; 0: it shares all of them."""
        if not reserved or self.max_concurrent_blocks is not None:
            return self
        return self.model_copy(
            update={"max_concurrent_blocks": min(math.ceil(_BLOCKS_PER_PROCESSOR * reserved), _MOST_BLOCKS)}
        )


class AnswerCheckerSettings(BaseModel):
    """Settings of the comparison of answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    symbolic: bool = Field(True, description="False: plain numbers and normalised text alone, never sympy")
    max_concurrent_checks: int | None = Field(
        None, ge=1, le=_MOST_CHECKS, description="unset: one for each processor of the host, or of those reserved"
    )
    pairs_per_process: int = Field(100, ge=1, le=10_000, description="comparisons that one confined process makes")
    memory_bytes: int = Field(1 * GIB, ge=64 * MIB, description="of such a process, above the warm parent's")
    check_wall_s: float = Field(5.0, gt=0, le=600, description="for one comparison; beyond it the verdict is undecided")
    start_s: float = Field(120.0, gt=0, description="for sympy's imports")
    answer_chars: int = Field(2_000, ge=1, description="a longer answer is never evaluated")

    @property
    def checks_at_once(self) -> int:
        """The number of comparisons that are made at one time, by a checker of this process."""
        return self.max_concurrent_checks or min(processors(), _MOST_CHECKS)

    def with_processors(self, reserved: float) -> Self:
        """The settings of a checker that has so many processors of its host to itself; 0: it shares all of them."""
        if not reserved or self.max_concurrent_checks is not None:
            return self
        return self.model_copy(update={"max_concurrent_checks": min(math.ceil(reserved), _MOST_CHECKS)})
