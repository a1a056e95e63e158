"""Attacks with processes, threads and signals."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

FORK_BOMB = "import os, time\nn = 0\nwhile True:\n    if os.fork() == 0: time.sleep(100)\n    n += 1"


async def test_a_fork_bomb_runs_into_the_limit_on_processes(attack: Attack) -> None:
    execution = await attack(FORK_BOMB)
    assert execution.status is Status.ERROR
    assert "BlockingIOError" in execution.error


async def test_a_fork_bomb_forks_no_more_than_its_limit(attack: Attack, arena: Sandbox) -> None:
    bomb = FORK_BOMB.replace("\n", "\n    ")
    source = f"try:\n    {bomb}\nexcept BlockingIOError: pass\nn"
    assert (await attack(source)).value == str(arena.settings.processes - 1)


async def test_a_fork_bomb_leaves_other_sessions_their_processes(attacked: Sandbox) -> None:
    async with attacked.session() as bomb, attacked.session() as other:
        assert (await bomb.run(FORK_BOMB)).status is Status.ERROR
        source = "import os\np = os.fork()\nif not p: os._exit(7)\nos.waitpid(p, 0)[1] >> 8"
        assert (await other.run(source)).value == "7"


async def test_a_thread_bomb_runs_into_the_limit_on_processes(attack: Attack) -> None:
    source = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(100,), daemon=True).start()"
    execution = await attack(source)
    assert execution.status is Status.ERROR
    assert "can't start new thread" in execution.error


async def test_a_zombie_flood_only_uses_up_its_own_processes(attacked: Sandbox) -> None:
    flood = "import os\nwhile True:\n    if os.fork() == 0: os._exit(0)"
    async with attacked.session() as flooder, attacked.session() as other:
        assert "BlockingIOError" in (await flooder.run(flood)).error
        assert (await other.run("import os\nif os.fork() == 0: os._exit(0)\nos.wait()[1]")).value == "0"


async def test_a_daemon_ends_with_its_session(attack: Attack) -> None:
    source = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(1000)
    os._exit(0)
os.wait()[1]"""
    assert (await attack(source)).value == "0"  # the fixture checks afterwards that it has ended


async def test_a_daemon_that_ignores_sigterm_ends_with_its_session(attack: Attack) -> None:
    source = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
    while True: time.sleep(1000)
'left behind'"""
    assert (await attack(source)).value == "'left behind'"


async def test_a_daemon_is_still_within_its_sessions_limits_in_the_next_block(attack: Attack) -> None:
    source = "import os, time\nfor _ in range(10):\n    if os.fork() == 0: time.sleep(1000)"
    assert "BlockingIOError" in (await attack(source, FORK_BOMB)).error


async def test_replacing_the_interpreter_by_another_program_ends_the_session(attack: Attack) -> None:
    source = "import os\nos.execv('/python/bin/python3', ['python3', '-S', '-c', 'print(\"exec\", flush=True)'])"
    execution = await attack(source)
    assert execution.status is Status.KILLED


async def test_there_is_no_shell(attack: Attack) -> None:
    assert (await attack("import os\nos.system('true')")).value != "0"
    assert "FileNotFoundError" in (await attack("import subprocess\nsubprocess.run(['/bin/sh', '-c', 'id'])")).error


async def test_the_parent_is_not_visible(attack: Attack) -> None:
    assert (await attack("import os\nos.getppid(), os.getpid()")).value == "(0, 1)"


async def test_a_signal_to_the_parent_reaches_no_process(attack: Attack) -> None:
    source = """
import os, signal
def send(pid):
    try: os.kill(pid, signal.SIGKILL)
    except OSError as error: return type(error).__name__
[send(pid) for pid in range(2, 300)] == ['ProcessLookupError'] * 298, send(os.getpid())"""
    assert (await attack(source)).value == "(True, None)"


async def test_a_signal_to_all_processes_reaches_no_other_session(attacked: Sandbox) -> None:
    source = (
        "import os, signal\nfor target in (-1, 0):\n    try: os.kill(target, signal.SIGKILL)\n    except OSError: pass"
    )
    async with attacked.session() as victim, attacked.session() as attacker:
        await victim.run("import os, time\nx = os.fork()\nif not x: time.sleep(1000)")
        await attacker.run(source)
        assert (await victim.run("os.kill(x, 0)")).status is Status.OK


async def test_processes_of_other_sessions_cannot_be_signalled(attacked: Sandbox) -> None:
    async with attacked.session() as victim, attacked.session() as attacker:
        await victim.run("x = 1")
        source = """
import os
def there(pid):
    try: os.kill(pid, 0)
    except ProcessLookupError: return False
    return True
[pid for pid in range(2, 5000) if there(pid)]"""
        assert (await attacker.run(source)).value == "[]"


async def test_a_segmentation_fault_ends_the_session(attack: Attack) -> None:
    execution = await attack("import ctypes\nctypes.string_at(0)")
    assert (execution.status, "SIGSEGV" in execution.error) == (Status.KILLED, True)


async def test_an_abort_ends_the_session(attack: Attack) -> None:
    execution = await attack("import os, signal\nsignal.signal(signal.SIGABRT, signal.SIG_DFL)\nos.abort()")
    assert execution.status is Status.KILLED


@pytest.mark.parametrize("code", [0, 1, 124, 137, 139])
async def test_an_exit_code_claims_no_other_cause(attack: Attack, code: int) -> None:
    execution = await attack(f"import os\nos._exit({code})")
    assert execution.status is Status.KILLED
    assert execution.error == f"RuntimeError: the block ended its process with exit code {code}"


async def test_a_signal_to_oneself_claims_no_memory_or_time_limit(attack: Attack) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n'alive'"  # process 1 of a namespace is immune
    assert (await attack(source)).value == "'alive'"


async def test_sys_exit_is_an_error_and_the_session_goes_on(attack: Attack) -> None:
    source = "try: raise SystemExit(3)\nexcept SystemExit: x = 1"
    assert (await attack(source, "x")).value == "1"
    assert (await attack("import sys\nsys.exit(0)")).status is Status.ERROR


async def test_a_child_that_reaches_the_end_of_the_block_does_not_report_for_its_parent(attack: Attack) -> None:
    assert (await attack("import os\nx = 0 if os.fork() else 1", "os.wait()[1], x")).value == "(0, 0)"


async def test_a_hung_session_does_not_slow_another(attacked: Sandbox) -> None:
    async with attacked.session() as hung, attacked.session() as other:
        running = asyncio.create_task(hung.run("import time\ntime.sleep(1000)"))
        for _ in range(20):
            assert (await other.run("1 + 1")).value == "2"
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])


async def test_many_busy_processes_run_at_lower_priority_than_other_sessions(attacked: Sandbox) -> None:
    source = "import os, time\nfor _ in range(8):\n    if os.fork() == 0:\n        while True: pass"
    async with attacked.session() as crowd, attacked.session() as single:
        await crowd.run(source)
        await single.run("import time\ntime.sleep(0.5)")
        assert (await crowd.run("time.sleep(0.5)\nos.nice(0)")).value == "19"
        assert (await single.run("import os\nos.nice(0)")).value == "0"


async def test_busy_threads_run_at_lower_priority_too(attack: Attack) -> None:
    source = """
import os, threading, time
found = []
def work():
    end = time.monotonic() + 1.5
    while time.monotonic() < end: pass
    found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
found"""
    assert (await attack(source)).value == "[19, 19, 19]"


async def test_many_descriptors_run_into_their_limit(attack: Attack, arena: Sandbox) -> None:
    source = (
        "files = []\ntry:\n    while True: files.append(open('/dev/null'))\nexcept OSError as error: x = error.errno\n"
    )
    value = (await attack(source + "len(files), x")).value
    assert value == f"({arena.settings.open_files - 4}, 24)"


async def test_the_limits_cannot_be_raised(attack: Attack) -> None:
    source = """
import resource
refused, limits = [], ('AS', 'CPU', 'FSIZE', 'NOFILE', 'NPROC')
for which in (getattr(resource, 'RLIMIT_' + name) for name in limits):
    soft, hard = resource.getrlimit(which)
    try: resource.setrlimit(which, (hard + 1, hard + 1))
    except (ValueError, OSError): refused.append(which)
len(refused)"""
    assert (await attack(source)).value == "5"


async def test_priority_cannot_be_raised(attack: Attack) -> None:
    assert "PermissionError" in (await attack("import os\nos.nice(-5)")).error


async def test_a_realtime_schedule_is_denied(attack: Attack) -> None:
    source = "import os\nos.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    assert "PermissionError" in (await attack(source)).error
