"""What a one-block session costs: a fresh nsjail for each block against forks of a warm parent.

Run: `python tests/benchmarks/sandbox.py [--sessions N] [--callers N]`. Processor time is that of this process and
of all that it started, read from the kernel after everything has ended.
"""

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings

ARITHMETIC = "print(17 * 23 + 4)"
SYMBOLIC = "import sympy\nx = sympy.Symbol('x')\nprint(sympy.expand((x + 1) ** 3))"
CASES = [
    ("fresh nsjail", ARITHMETIC, (), 1),
    ("ours", ARITHMETIC, (), 10),
    ("fresh nsjail", SYMBOLIC, (), 1),
    ("ours, warm", SYMBOLIC, ("sympy",), 10),
]


def cpu_s() -> float:
    """Processor seconds of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


async def measure(settings: SandboxSettings, source: str, sessions: int, callers: int, *, fresh: bool) -> list[float]:
    """Wall seconds of each session."""
    if fresh:
        settings = settings.model_copy(update={"sessions_per_jail": 1})
    walls: list[float] = []
    async with Sandbox(settings) as sandbox:

        async def once() -> None:
            async with sandbox.session() as session:
                assert (await session.run(source)).status is Status.OK
                # Ends by itself, so that its parent has waited for it and its time is counted.
                await session.run("import os; os._exit(0)")

        await _repeat(once, sessions, callers, walls)
    return walls


async def _repeat(once: Callable[[], Awaitable[None]], sessions: int, callers: int, walls: list[float]) -> None:
    async def caller() -> None:
        for _ in range(sessions // callers):
            started = time.perf_counter()
            await once()
            walls.append(time.perf_counter() - started)

    await asyncio.gather(*(caller() for _ in range(callers)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100, help="with a fresh jail each; ten times as many for ours")
    parser.add_argument("--callers", type=int, default=2)
    arguments = parser.parse_args()
    print(f"{'':14} {'block':12} {'sessions/s':>10} {'CPU ms':>8} {'p50 ms':>8} {'p99 ms':>8}")
    for name, source, preload, scale in CASES:
        settings = SandboxSettings(preload=preload)
        sessions, before, started = arguments.sessions * scale, cpu_s(), time.perf_counter()
        walls = asyncio.run(measure(settings, source, sessions, arguments.callers, fresh=name.startswith("fresh")))
        wall, cpu = time.perf_counter() - started, cpu_s() - before
        walls.sort()
        p50, p99 = (1e3 * walls[int(len(walls) * share)] for share in (0.5, 0.99))
        block = "arithmetic" if source is ARITHMETIC else "sympy"
        count = len(walls)
        print(f"{name:14} {block:12} {count / wall:10.0f} {1e3 * cpu / count:8.2f} {p50:8.1f} {p99:8.1f}")


if __name__ == "__main__":
    main()
