"""Each limit ends what exceeds it, under its own name."""

import asyncio

import pytest

from sandbox.cgroup import find_cgroups
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings

MIB = 1024**2


async def test_blocks_after_a_timeout_answer_at_once(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"block_wall_s": 0.3})) as sandbox, sandbox.session() as session:
        await session.run("while True: pass")
        execution = await session.run("1")
        assert (execution.status, execution.seconds) == (Status.TIMEOUT, 0.0)


async def test_a_session_has_a_wall_limit_over_its_blocks(settings: SandboxSettings) -> None:
    limited = settings.model_copy(update={"session_wall_s": 0.6})
    async with Sandbox(limited) as sandbox, sandbox.session() as session:
        assert (await session.run("import time\ntime.sleep(0.4)")).status is Status.OK
        assert (await session.run("time.sleep(0.4)")).status is Status.TIMEOUT


async def test_waiting_in_the_queue_counts_against_no_limit(settings: SandboxSettings) -> None:
    busy = settings.model_copy(update={"block_wall_s": 0.6, "max_concurrent_blocks": 1})
    async with Sandbox(busy) as sandbox:

        async def sleep() -> Status:
            async with sandbox.session() as session:
                return (await session.run("import time\ntime.sleep(0.3)")).status

        assert await asyncio.gather(*(sleep() for _ in range(4))) == [Status.OK] * 4


async def test_processor_time_is_limited(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"session_cpu_s": 1})) as sandbox, sandbox.session() as session:
        execution = await session.run("while True: pass")
        assert execution.status is Status.TIMEOUT
        assert "processor time" in execution.error


@pytest.mark.skipif(find_cgroups().memory_parent is None, reason="no control groups here")
async def test_a_kill_by_the_kernel_for_want_of_memory_is_told_as_such(settings: SandboxSettings) -> None:
    small = settings.model_copy(update={"jail_memory_bytes": 64 * MIB, "memory_bytes": 1024 * MIB})
    async with Sandbox(small) as sandbox, sandbox.session() as session:
        execution = await session.run("x = b'x' * (200 << 20)")
        assert (execution.status, execution.error[:11]) == (Status.MEMORY, "MemoryError")
        async with sandbox.session() as next_session:
            assert (await next_session.run("1")).value == "1"
