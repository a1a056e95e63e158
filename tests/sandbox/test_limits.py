"""Each limit ends what exceeds it, under its own name."""

import asyncio

import pytest

from sandbox.cgroup import find_cgroups
from sandbox.execution import Status
from sandbox.interpreter import Sandbox, Session
from sandbox.settings import SandboxSettings

MIB = 1024**2


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import time\ntime.sleep(100)",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import signal\nfor s in (1, 2, 3, 14, 15): signal.signal(s, signal.SIG_IGN)\nwhile True: pass",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "import os\nos.close(1), os.close(2)\nwhile True: pass",
    ],
)
async def test_a_block_over_its_wall_limit_is_a_timeout(settings: SandboxSettings, source: str) -> None:
    async with Sandbox(settings.model_copy(update={"block_wall_s": 0.5})) as sandbox, sandbox.session() as session:
        execution = await session.run("print('before')\n" + source)
        assert execution.status is Status.TIMEOUT
        assert execution.stdout == "before\n"
        assert execution.shown(1000).endswith("TimeoutError: the block ran for more than 0.5 s")


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


@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(1 << 30)",
        "x = [0]\nwhile True: x += x",
    ],
)
async def test_too_much_memory_is_told_as_such(settings: SandboxSettings, source: str) -> None:
    async with Sandbox(settings.model_copy(update={"block_wall_s": 10})) as sandbox, sandbox.session() as session:
        execution = await session.run(source)
        assert execution.status is Status.MEMORY


async def test_shared_memory_is_no_way_around_the_limit(session: Session) -> None:
    assert "Cannot allocate" in (await session.run("import mmap\nm = mmap.mmap(-1, 1 << 30)")).error


async def test_processes_that_share_out_too_much_memory_are_ended(session: Session) -> None:
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = b'x' * (100 << 20)
        time.sleep(100)
time.sleep(100)"""
    execution = await session.run(source)
    assert execution.status is Status.MEMORY
    assert "processes hold more" in execution.error


@pytest.mark.skipif(find_cgroups().memory_parent is None, reason="no control groups here")
async def test_a_kill_by_the_kernel_for_want_of_memory_is_told_as_such(settings: SandboxSettings) -> None:
    small = settings.model_copy(update={"jail_memory_bytes": 64 * MIB, "memory_bytes": 1024 * MIB})
    async with Sandbox(small) as sandbox, sandbox.session() as session:
        execution = await session.run("x = b'x' * (200 << 20)")
        assert (execution.status, execution.error[:11]) == (Status.MEMORY, "MemoryError")
        async with sandbox.session() as next_session:
            assert (await next_session.run("1")).value == "1"


async def test_a_session_goes_on_after_a_memory_error(session: Session) -> None:
    await session.run("x = 1\ny = bytearray(1 << 30)")
    assert (await session.run("x")).value == "1"


@pytest.mark.parametrize(
    "source",
    [
        "while True: print('x' * 1000)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 65536)",
    ],
)
async def test_an_output_flood_is_ended(session: Session, source: str) -> None:
    execution = await session.run(source)
    assert execution.status is Status.OUTPUT_LIMIT
    assert len(execution.stdout) + len(execution.stderr) < 300_000


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos._exit(0)",
        "import ctypes\nctypes.string_at(0)",
        "import os\nos.abort()",
        "import os\nos.close(3)\nimport time\ntime.sleep(100)",
        "import os\nos.write(3, b'\\xff' * 100)\nimport time\ntime.sleep(100)",
        "import os\nos.write(3, b'\\0\\0\\0\\2[]')\nimport time\ntime.sleep(100)",
    ],
)
async def test_a_block_that_ends_its_process_is_killed(session: Session, source: str) -> None:
    assert (await session.run(source)).status is Status.KILLED
    assert (await session.run("1")).status is Status.KILLED


async def test_a_forged_report_cannot_claim_what_only_the_host_knows(session: Session) -> None:
    forged = '{"block": 1, "status": "sandbox_failure", "value": null, "error": ""}'
    execution = await session.run(f"import os\nd = {forged!r}.encode()\nos.write(3, len(d).to_bytes(4, 'big') + d)")
    assert execution.status is Status.KILLED


async def test_files_are_limited_in_size_and_number(session: Session) -> None:
    assert (
        "OSError" in (await session.run("f = open('/tmp/big', 'wb', 0)\nwhile True: f.write(b'x' * (1 << 20))")).error
    )
    execution = await session.run(
        "import os\nos.remove('/tmp/big')\nfor i in range(10**6): open(f'/tmp/{i}', 'w').close()"
    )
    assert "OSError" in execution.error


async def test_open_files_are_limited(session: Session) -> None:
    assert "Too many open files" in (await session.run("fs = [open('/dev/null') for _ in range(1000)]")).error


@pytest.mark.parametrize(
    "source",
    [
        "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(100)",
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,), daemon=True).start()",
    ],
)
async def test_a_fork_bomb_runs_into_the_limit_on_processes(sandbox: Sandbox, source: str) -> None:
    async with sandbox.session() as bomb, sandbox.session() as other:
        assert (await bomb.run(source)).status is Status.ERROR
        assert (
            await other.run("import os\np = os.fork()\nif not p: os._exit(7)\nos.waitpid(p, 0)[1] >> 8")
        ).value == "7"


async def test_a_fork_storm_that_never_stops_is_a_timeout(settings: SandboxSettings) -> None:
    async with Sandbox(settings.model_copy(update={"block_wall_s": 1})) as sandbox, sandbox.session() as session:
        source = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
        assert (await session.run(source)).status is Status.TIMEOUT
        async with sandbox.session() as next_session:
            assert (await next_session.run("1")).value == "1"
