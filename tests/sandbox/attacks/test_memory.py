"""Attacks on memory: a session's memory is bounded, however it is allocated."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]


async def assert_out_of_memory(attack: Attack, *blocks: str) -> Execution:
    execution = await attack(*blocks)
    assert execution.status is Status.MEMORY, execution
    assert execution.error.splitlines()[-1].startswith("MemoryError")
    return execution


async def test_one_huge_object_is_out_of_memory(attack: Attack) -> None:
    await assert_out_of_memory(attack, "x = bytearray(1 << 30)")


async def test_a_list_that_doubles_is_out_of_memory(attack: Attack) -> None:
    await assert_out_of_memory(attack, "x = [0]\nwhile True: x += x")


async def test_many_small_objects_are_out_of_memory(attack: Attack) -> None:
    await assert_out_of_memory(attack, "x = []\nwhile True: x.append(bytearray(10_000))")


async def test_a_huge_array_is_out_of_memory(attack: Attack) -> None:
    execution = await attack("import numpy\nx = numpy.ones(1 << 27)")
    assert execution.status in {Status.MEMORY, Status.ERROR}
    assert "Memory" in execution.error


async def test_a_session_goes_on_after_a_memory_error(attack: Attack) -> None:
    source = "x = 1\ntry: bytearray(1 << 30)\nexcept MemoryError: caught = True"
    assert (await attack(source, "x, caught")).value == "(1, True)"


async def test_a_mapping_does_not_bypass_the_limit(attack: Attack) -> None:
    source = "import mmap\nm = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE)"
    assert "Cannot allocate memory" in (await attack(source)).error


async def test_shared_memory_that_counts_for_no_process_is_denied(attack: Attack) -> None:
    assert "PermissionError" in (await attack("import mmap\nm = mmap.mmap(-1, 1 << 20)")).error


async def test_processes_that_hold_too_much_memory_together_are_ended(attack: Attack) -> None:
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = b'x' * (100 << 20)
        time.sleep(100)
time.sleep(100)"""
    assert "the session's processes hold more than" in (await assert_out_of_memory(attack, source)).error


async def test_processes_with_a_mapping_each_are_ended(attack: Attack) -> None:
    source = """
import mmap, os, time
for _ in range(4):
    if os.fork() == 0:
        m = mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE)
        m.write(b'x' * (100 << 20))
        time.sleep(100)
time.sleep(100)"""
    assert "the session's processes hold more than" in (await assert_out_of_memory(attack, source)).error


async def test_processes_that_allocate_too_much_between_two_blocks_are_ended(attack: Attack) -> None:
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        time.sleep(0.5)
        x = b'x' * (100 << 20)
        time.sleep(100)"""
    await assert_out_of_memory(attack, source, "import time\ntime.sleep(100)")


async def test_memory_that_processes_share_is_counted_once(attack: Attack) -> None:
    source = """
import os, time
x = b'x' * (100 << 20)
children = []
for _ in range(4):
    children.append(os.fork())
    if not children[-1]:
        time.sleep(2)
        os._exit(0)
[os.waitpid(child, 0)[1] for child in children]"""
    assert (await attack(source)).value == "[0, 0, 0, 0]"


async def test_endless_recursion_is_an_error_of_bounded_length(attack: Attack) -> None:
    execution = await attack("def f(): return f()\nf()")
    assert execution.status is Status.ERROR
    assert "RecursionError" in execution.error
    assert len(execution.error) < 5_000


async def test_a_stack_overflow_ends_the_session(attack: Attack) -> None:
    source = "import ctypes, sys\nsys.setrecursionlimit(10**9)\nb = ctypes.create_string_buffer(1)\n"
    source += "ctypes.memset(ctypes.addressof(b) - (1 << 46), 0, 1)"
    execution = await attack(source)
    assert execution.status is Status.KILLED
    assert "SIGSEGV" in execution.error
