"""One sandbox for all attacks. After each of them the next session must find everything unchanged, and the host must
have no more processes, descriptors or mounts than before.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest_asyncio

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox
from sandbox.jail.jail import Jail
from sandbox.jail.procfs import descendants
from sandbox.settings import SandboxSettings

MIB = 1024**2
TRIES, PAUSE_S = 1_000, 0.01  # the kernel takes a moment to clean up, longer on a busy machine

HONEST_BLOCK = """
import math, os, numpy, sympy
x = sympy.Symbol('x')
assert sympy.solve(x**2 - 5*x + 6, x) == [2, 3] and sympy.sqrt(8) == 2 * sympy.sqrt(2)
assert numpy.arange(5).sum() == 10 and math.sqrt(4) == 2.0 and len('abc') == 3 and 1 + 1 == 2
print('printed')
sorted(os.listdir('/tmp')), os.getpid()"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def arena() -> AsyncIterator[Sandbox]:
    """The sandbox under attack, with time limits that allow for a busy machine."""
    settings = SandboxSettings(
        preload=("sympy", "numpy"),
        block_wall_s=20,
        memory_bytes=256 * MIB,
        tmpfs_bytes=8 * MIB,
        file_bytes=4 * MIB,
        output_bytes=100_000,
    )
    async with Sandbox(settings) as sandbox:
        _held_at_first[sandbox] = _held(sandbox)
        yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def hasty_arena(arena: Sandbox) -> AsyncIterator[Sandbox]:
    """The same with short time limits, for attacks that only a timeout ends."""
    settings = arena.settings.model_copy(update={"block_wall_s": 1.5, "session_cpu_s": 2})
    async with Sandbox(settings) as sandbox:
        _held_at_first[sandbox] = _held(sandbox)
        yield sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def frugal_arena(arena: Sandbox) -> AsyncIterator[Sandbox]:
    """The same with little processor time for a session, and as much time by the clock as a busy machine needs."""
    settings = arena.settings.model_copy(update={"session_cpu_s": 2})
    async with Sandbox(settings) as sandbox:
        _held_at_first[sandbox] = _held(sandbox)
        yield sandbox


@pytest_asyncio.fixture(loop_scope="session")
async def attack(arena: Sandbox) -> AsyncIterator[Callable[..., Awaitable[Execution]]]:
    """Runs blocks in a new session and returns the execution of the last one."""
    yield lambda *blocks: _run(arena, *blocks)
    await _assert_clean(arena)


@pytest_asyncio.fixture(loop_scope="session")
async def attack_in_haste(hasty_arena: Sandbox) -> AsyncIterator[Callable[..., Awaitable[Execution]]]:
    """As `attack`, with short time limits."""
    yield lambda *blocks: _run(hasty_arena, *blocks)
    await _assert_clean(hasty_arena)


@pytest_asyncio.fixture(loop_scope="session")
async def attacked(arena: Sandbox) -> AsyncIterator[Sandbox]:
    """The sandbox itself, for attacks that take more than one session."""
    yield arena
    await _assert_clean(arena)


@pytest_asyncio.fixture(loop_scope="session")
async def attacked_frugally(frugal_arena: Sandbox) -> AsyncIterator[Sandbox]:
    """A sandbox whose sessions have two seconds of processor time."""
    yield frugal_arena
    await _assert_clean(frugal_arena)


_held_at_first: dict[Sandbox, tuple[int, int]] = {}


def _held(sandbox: Sandbox) -> tuple[int, int]:
    """The numbers of the warm parent's open descriptors and visible mounts, which only root may read."""
    if os.geteuid() != 0:
        return (0, 0)
    parent = Path(f"/proc/{_jail(sandbox).parent_pid}")
    return len(list((parent / "fd").iterdir())), len((parent / "mountinfo").read_text().splitlines())


def _jail(sandbox: Sandbox) -> Jail:
    assert sandbox._pool is not None
    assert sandbox._pool.current is not None
    return sandbox._pool.current


async def _run(sandbox: Sandbox, *blocks: str) -> Execution:
    async with sandbox.session() as session:
        for block in blocks[:-1]:
            execution = await session.run(block)
            assert execution.status is Status.OK, execution
        return await session.run(blocks[-1])


async def _assert_clean(sandbox: Sandbox) -> None:
    failures = sandbox.stats.failures
    honest = await _run(sandbox, HONEST_BLOCK)
    assert (honest.status, honest.value, honest.stdout) == (Status.OK, "([], 1)", "printed\n"), honest.error
    assert sandbox.stats.failures == failures == 0
    assert await _strays(sandbox) == set()
    assert _held(sandbox) == _held_at_first[sandbox]


async def _strays(sandbox: Sandbox) -> set[int]:
    """Processes in the jail besides its warm parent, once those of the last session have had time to exit."""
    left: set[int] = set()
    for _ in range(TRIES):
        jail = _jail(sandbox)
        left = {*descendants(jail.pid)} - {jail.parent_pid}
        if not left:
            break
        await asyncio.sleep(PAUSE_S)
    return left
