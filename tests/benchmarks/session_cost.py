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
from dataclasses import asdict, dataclass, fields
from pathlib import Path

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
    parser.add_argument("--sessions", type=int, default=400, help="in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="attribute the time to steps")
    parser.add_argument("--worker", type=int, metavar="BLOCKS", help=argparse.SUPPRESS)
    parser.add_argument("--version", type=Path, default=ROOT, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        sys.path.insert(0, str(arguments.version))
        print(json.dumps(asdict(asyncio.run(measure(arguments.worker, arguments.sessions)))))
        return 0
    versions = {"base": arguments.base, "this": ROOT} if arguments.base else {"this": ROOT}
    compare(versions, arguments.sessions, arguments.rounds)
    if arguments.profile:
        from session_profile import profile

        for name, folder in versions.items():
            profile(name, [sys.executable, __file__, "--worker", "2", "--version", str(folder)], arguments.sessions)
    return 0


def compare(versions: dict[str, Path], sessions: int, rounds: int) -> None:
    """Measure the versions alternately, and print the medians and their ratios."""
    print(f"{CORES} cores, {sessions} sessions, the median of {rounds} rounds")
    print(f"{'blocks':6} {'version':8}" + "".join(f"{field.name:>13}" for field in fields(Cost)))
    for blocks in (1, 2):
        found: dict[str, list[Cost]] = {name: [] for name in versions}
        for _ in range(rounds):
            for name, folder in versions.items():
                found[name].append(run_worker(folder, blocks, sessions))
        medians = {name: median(costs) for name, costs in found.items()}
        for name, cost in medians.items():
            print(f"{blocks:6} {name:8}" + "".join(f"{value:13.2f}" for value in asdict(cost).values()))
        if len(medians) > 1:
            pairs = zip(asdict(medians["this"]).values(), asdict(medians["base"]).values(), strict=True)
            print(f"{blocks:6} {'ratio':8}" + "".join(f"{this / base:13.2f}" for this, base in pairs), flush=True)


def run_worker(folder: Path, blocks: int, sessions: int) -> Cost:
    """Measure the version in `folder` in a process of its own."""
    options = ["--worker", str(blocks), "--version", str(folder), "--sessions", str(sessions)]
    run = subprocess.run([sys.executable, __file__, *options], capture_output=True, text=True, check=True)
    return Cost(**json.loads(run.stdout.splitlines()[-1]))


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)))


async def measure(blocks: int, sessions: int) -> Cost:
    """Open sessions of so many blocks, first with one caller, then with CORES callers."""
    from sandbox.interpreter import Sandbox

    async with Sandbox() as sandbox:

        async def call(count: int) -> None:
            for _ in range(count):
                async with sandbox.session() as session:
                    for block in BLOCKS[:blocks]:
                        execution = await session.run(block)
                        assert execution.status == "ok", execution

        await call(WARM_UP_SESSIONS)
        assert sandbox._pool is not None
        assert sandbox._pool.current is not None
        parent = sandbox._pool.current.parent_pid
        print(f"parent {parent}", flush=True)
        alone_s, alone = await timed(call(sessions), parent)
        crowded_s, crowded = await timed(asyncio.gather(*(call(sessions // CORES) for _ in range(CORES))), parent)
    opened = sessions + sessions // CORES * CORES
    driver_ms, parent_ms, sessions_ms = (
        1e3 * (one + other) / opened for one, other in zip(alone, crowded, strict=True)
    )
    total_ms = driver_ms + parent_ms + sessions_ms
    return Cost(
        driver_ms, parent_ms, sessions_ms, total_ms, 1e3 * alone_s / sessions, sessions // CORES * CORES / crowded_s
    )


async def timed(work, parent: int) -> tuple[float, list[float]]:  # type: ignore[no-untyped-def]
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
