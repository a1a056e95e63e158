"""Attacks that only a time limit ends."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]


async def assert_timed_out(attack: Attack, source: str) -> Execution:
    execution = await attack("print('before')\n" + source)
    assert execution.status is Status.TIMEOUT
    assert execution.stdout == "before\n"
    assert execution.error.startswith("TimeoutError: ")
    return execution


async def test_an_endless_loop_times_out(attack_in_haste: Attack) -> None:
    execution = await assert_timed_out(attack_in_haste, "while True: pass")
    assert execution.error == "TimeoutError: the block ran for more than 1.5 s"


async def test_a_sleeper_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import time\ntime.sleep(1000)")


async def test_catching_every_exception_does_not_outlive_the_time_out(attack_in_haste: Attack) -> None:
    source = "while True:\n    try:\n        while True: pass\n    except BaseException: pass\n    finally: pass"
    await assert_timed_out(attack_in_haste, source)


async def test_ignoring_every_signal_does_not_outlive_the_time_out(attack_in_haste: Attack) -> None:
    source = """
import signal
for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)
assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
while True: pass"""
    await assert_timed_out(attack_in_haste, source)


async def test_a_pattern_that_backtracks_for_ever_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import re\nre.match('(a+)+$', 'a' * 60 + 'b')")


async def test_endless_arithmetic_inside_one_call_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "sum(range(10 ** 12))")


async def test_a_deadlock_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import threading\nlock = threading.Lock()\nlock.acquire(), lock.acquire()")


async def test_closed_output_does_not_outlive_the_time_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import os\nos.close(1), os.close(2)\nwhile True: pass")


async def test_a_stopped_process_times_out(attack_in_haste: Attack) -> None:
    source = """
import os, signal, time
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
os.waitpid(child, 0)"""
    await assert_timed_out(attack_in_haste, source)


async def test_a_parent_that_waits_for_its_vfork_times_out(attack_in_haste: Attack) -> None:
    source = """
import ctypes
libc = ctypes.PyDLL(None)
if libc.vfork() == 0: libc.pause()"""
    await assert_timed_out(attack_in_haste, source)


async def test_a_pipe_that_nobody_writes_to_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import os\nos.mkfifo('/tmp/pipe')\nopen('/tmp/pipe').read()")


async def test_a_process_in_a_ring_of_signals_times_out(attack_in_haste: Attack) -> None:
    source = """
import os, signal
signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGUSR1))
os.kill(os.getpid(), signal.SIGUSR1)
while True: pass"""
    execution = await attack_in_haste("print('before')\n" + source)
    assert execution.status in {
        Status.TIMEOUT,
        Status.ERROR,
    }  # RecursionError, if a handler is interrupted often enough


async def test_printing_an_endless_integer_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "x = str(7 ** 10_000_000)")


async def test_a_fork_storm_times_out(attack_in_haste: Attack) -> None:
    await assert_timed_out(attack_in_haste, "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")


async def assert_out_of_processor_time(sandbox: Sandbox, source: str) -> None:
    """The first block leaves its children running; later blocks only sleep."""
    async with sandbox.session() as session:
        execution = await session.run(source)
        for _ in range(80):
            if execution.status is not Status.OK:
                break
            execution = await session.run("time.sleep(0.5)")
    assert execution.status is Status.TIMEOUT
    assert "the session used more than 2 s of processor time" in execution.error


async def test_processes_that_share_the_work_run_out_of_the_sessions_processor_time(attacked_frugally: Sandbox) -> None:
    source = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        while True: pass"""
    await assert_out_of_processor_time(attacked_frugally, source)


async def test_children_without_a_waiting_parent_still_use_the_sessions_processor_time(
    attacked_frugally: Sandbox,
) -> None:
    source = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel then adds their time to no parent
def burn():
    started = time.process_time()
    while time.process_time() - started < 0.7: pass
if os.fork() == 0:
    while True:
        child = os.fork()
        if child == 0:
            burn()
            os._exit(0)
        try: os.waitpid(child, 0)
        except ChildProcessError: pass"""
    await assert_out_of_processor_time(attacked_frugally, source)


async def test_code_that_reports_itself_done_and_goes_on_runs_out_of_processor_time(attacked_frugally: Sandbox) -> None:
    source = """
import json, os
report = json.dumps({"block": 1, "status": "ok", "value": "'done'", "error": ""}).encode()
os.write(3, len(report).to_bytes(4, 'big') + report)
while True: pass"""
    async with attacked_frugally.session() as session:
        assert (await session.run(source)).value == "'done'"
        await asyncio.sleep(1)
        for _ in range(200):
            assert session._process is not None
            if not session._process.alive:
                break
            await asyncio.sleep(0.1)
        execution = await session.run("1")
    assert execution.status is Status.TIMEOUT
    assert "processor time" in execution.error
