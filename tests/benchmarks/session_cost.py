"""What a session costs, and where each millisecond goes.

    python tests/benchmarks/session_cost.py [--base FOLDER] [--sessions N] [--rounds N] [--profile]

Opens sessions of one and of two arithmetic blocks, and prints the processor and wall milliseconds of each, by process,
and the sessions a second with as many callers as cores. `--base`: a checkout of an earlier version; both versions then
run alternately, and their ratios are printed. `--profile`: attribute the processor time to steps, from samples of the
kernel's and the processes' stacks. That needs root and `perf`.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1
BLOCKS = ("a = 48\nb = a / 2\ntotal = a + b\nprint(total)", "x = 3 * 7\nprint(x + total)")
WARM_UP_SESSIONS = 20
REAP_S = 0.5


@dataclass(frozen=True)
class Cost:
    """Milliseconds of a session. The processor time is that of this program, of the warm parent and of its sessions.

    `wall_ms`: with one caller. `per_s`: sessions a second, with CORES callers.
    """

    driver_ms: float
    parent_ms: float
    sessions_ms: float
    cpu_ms: float
    wall_ms: float
    per_s: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, help="a checkout of an earlier version to compare with")
    parser.add_argument("--sessions", type=int, default=50, help="in each round, with one caller and again with more")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--profile", action="store_true", help="attribute the time to steps")
    parser.add_argument("--worker", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        sys.path.insert(0, str(arguments.worker))
        asyncio.run(work())
        return 0
    versions = {"base": arguments.base, "this": ROOT} if arguments.base else {"this": ROOT}
    workers = {name: Worker(folder) for name, folder in versions.items()}
    compare(workers, arguments.sessions, arguments.rounds)
    if arguments.profile:
        from session_profile import profile

        for name, worker in workers.items():
            profile(name, worker, arguments.sessions * arguments.rounds)
    for worker in workers.values():
        worker.close()
    return 0


class Worker:
    """A process that runs sessions of the version in `folder`, whose sandbox stays open."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, __file__, "--worker", str(folder)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        self.parent_pid = int(self._read_line())

    def run(self, blocks: int, sessions: int) -> Cost:
        """Run twice so many sessions of so many blocks."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([blocks, sessions]) + "\n")
        self._process.stdin.flush()
        return Cost(**json.loads(self._read_line()))

    def close(self) -> None:
        """Close the sandbox and wait for the process."""
        self._process.communicate()

    def _read_line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def compare(workers: dict[str, Worker], sessions: int, rounds: int) -> None:
    """Measure the versions alternately, and print the medians and their ratios."""
    print(f"{CORES} cores, {sessions} sessions, the median of {rounds} rounds")
    print(f"{'blocks':6} {'version':8}" + "".join(f"{field.name:>13}" for field in fields(Cost)))
    for blocks in (1, 2):
        found: dict[str, list[Cost]] = {name: [] for name in workers}
        for _ in range(rounds):
            for name, worker in workers.items():
                found[name].append(worker.run(blocks, sessions))
        medians = {name: median(costs) for name, costs in found.items()}
        for name, cost in medians.items():
            print(f"{blocks:6} {name:8}" + "".join(f"{value:13.2f}" for value in asdict(cost).values()))
        if len(medians) > 1:
            pairs = zip(asdict(medians["this"]).values(), asdict(medians["base"]).values(), strict=True)
            print(f"{blocks:6} {'ratio':8}" + "".join(f"{this / base:13.2f}" for this, base in pairs), flush=True)


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)))


async def work() -> None:
    """The worker: read a number of blocks and of sessions from each line of stdin, and print the cost."""
    from sandbox.interpreter import Sandbox

    async with Sandbox() as sandbox:
        await call(sandbox, 2, WARM_UP_SESSIONS)
        assert sandbox._pool is not None
        assert sandbox._pool.current is not None
        parent = sandbox._pool.current.parent_pid
        print(parent, flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(asdict(await measure(sandbox, parent, *json.loads(line)))), flush=True)


async def measure(sandbox: Any, parent: int, blocks: int, sessions: int) -> Cost:
    """Open so many sessions of so many blocks, first with one caller, then with CORES callers."""
    each = -(-sessions // CORES)
    alone_s, alone = await timed(call(sandbox, blocks, sessions), parent)
    crowded_s, crowded = await timed(asyncio.gather(*(call(sandbox, blocks, each) for _ in range(CORES))), parent)
    parts = [1e3 * (one + other) / (sessions + each * CORES) for one, other in zip(alone, crowded, strict=True)]
    return Cost(*parts, sum(parts), 1e3 * alone_s / sessions, each * CORES / crowded_s)


async def call(sandbox: Any, blocks: int, sessions: int) -> None:
    """Open one session after the other."""
    for _ in range(sessions):
        async with sandbox.session() as session:
            for block in BLOCKS[:blocks]:
                execution = await session.run(block)
                assert execution.status == "ok", execution


async def timed(work: Awaitable[Any], parent: int) -> tuple[float, list[float]]:
    """Wall seconds of `work`, and the processor seconds of this program, the warm parent and its sessions."""
    before, started = cpu_s(parent), time.perf_counter()
    await work
    wall_s = time.perf_counter() - started
    await asyncio.sleep(REAP_S)  # until the last processes are reaped, and so counted
    return wall_s, [after - earlier for after, earlier in zip(cpu_s(parent), before, strict=True)]


def cpu_s(parent: int) -> list[float]:
    """Processor seconds so far of this program, of the warm parent and of the sessions that it has waited for."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ticks = [int(field) for field in Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[11:15]]
    return [own.ru_utime + own.ru_stime, sum(ticks[:2]) / TICKS_PER_S, sum(ticks[2:]) / TICKS_PER_S]


if __name__ == "__main__":
    sys.exit(main())
