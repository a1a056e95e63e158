"""Each limit ends a session that exceeds it, with its own status."""

import asyncio
from pathlib import Path

import pytest

from sandbox.execution import Status
from sandbox.interpreter import Sandbox, Session
from sandbox.jail.cgroup import find_cgroups
from sandbox.settings import SandboxSettings

MIB = 1024**2


async def test_blocks_after_a_timeout_return_at_once(settings: SandboxSettings) -> None:
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


NO_CGROUPS = pytest.mark.skipif(find_cgroups().memory_parent is None, reason="no control groups here")


@NO_CGROUPS
async def test_a_kill_by_the_oom_killer_is_reported_as_memory(settings: SandboxSettings) -> None:
    small = settings.model_copy(update={"jail_memory_bytes": 64 * MIB, "memory_bytes": 1024 * MIB})
    async with Sandbox(small) as sandbox, sandbox.session() as session:
        execution = await session.run("x = b'x' * (200 << 20)")
        assert (execution.status, execution.error[:11]) == (Status.MEMORY, "MemoryError")
        async with sandbox.session() as next_session:
            assert (await next_session.run("1")).value == "1"


@NO_CGROUPS
async def test_a_session_killed_for_anothers_memory_is_run_again(settings: SandboxSettings) -> None:
    """Many small processes fill the jail; the OOM killer ends the largest one, which is another session's."""
    small = settings.model_copy(update={"jail_memory_bytes": 192 * MIB, "memory_bytes": 1024 * MIB})
    crowd = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        x = b'x' * (12 << 20)
        time.sleep(100)
time.sleep(0.5)"""
    async with Sandbox(small) as sandbox, sandbox.session() as greedy, sandbox.session() as modest:
        assert (await greedy.run(crowd)).status is Status.OK
        execution = await modest.run("x = b'x' * (60 << 20)\nlen(x)")
        assert (execution.status, execution.value) == (Status.OK, str(60 * MIB))
        assert sandbox.stats.retries == 1


def oom_score_adj(pid: int) -> int:
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


async def test_the_oom_killer_prefers_a_session_to_the_warm_parent(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        await session.run("1")
        assert session._process is not None
        assert session._process.pid is not None
        pids = session._process.pid, session._process.jail.parent_pid
        session_score, parent_score = map(oom_score_adj, pids)
        assert session_score > parent_score


async def test_pending_signals_are_limited(session: Session) -> None:
    source = """
import resource, signal, os, ctypes
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
sent = 0
while sent < 10_000 and ctypes.CDLL(None).sigqueue(os.getpid(), int(signal.SIGRTMIN), None) == 0: sent += 1
0 < sent <= 256"""
    assert (await session.run(source)).value == "True"
