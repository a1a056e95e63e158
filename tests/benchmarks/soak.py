"""Soak test of the sandbox: many executions, one in twenty an attack, must leave no resources behind.

    python tests/benchmarks/soak.py [--executions N] [--callers N]

Runs sessions of two arithmetic blocks, whose output is checked, beside sessions of one attack. Prints a line for each
tenth of the executions, then the resources held before the sandbox was started, at the start (after each attack ran
once), at the end, and after the sandbox was closed. Exits with 1, and a line for each failure, if a resource grew, an
ordinary block failed, or the last tenth was slower than the first relative to the machine's own speed at the time. Run
it on an idle machine: other processes' resources are counted too.
"""

import argparse
import asyncio
import contextlib
import ctypes
import gc
import itertools
import logging
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from sandbox.execution import Execution, Status  # noqa: E402
from sandbox.interpreter import Sandbox  # noqa: E402
from sandbox.settings import SandboxSettings  # noqa: E402
from tests.chaos.checks.machine import control_groups  # noqa: E402

MIB = 1024**2
EXECUTIONS_PER_ATTACK = 20
TENTHS = 10
MIN_RELATIVE_PACE = 0.9
ALLOWED_GROWTH_BYTES = 16 * MIB  # allocators keep some; a leak of 1 KiB per execution would be six times that
SETTLE_S, STEADY_S = 90.0, 20.0  # no count changes while a starting jail runs its imports
PROBE_S = 1.0
PROBE = (sys.executable, "-I", "-S", "-c", "")  # the costs of a session: a process, its pages, an interpreter
PR_SET_CHILD_SUBREAPER = 36

ATTACKS = {
    "fork bomb": "import os, time\nwhile True:\n    if os.fork() == 0: time.sleep(100)",
    "fork storm": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "thread bomb": "import threading, time\n"
    "while True: threading.Thread(target=time.sleep, args=(100,), daemon=True).start()",
    "sleep": "import time\ntime.sleep(100)",
    "huge allocation": "x = bytearray(1 << 40)",
    "eats memory": "x = [b'x' * (1 << 20) for _ in range(10**6)]",
    "output flood": "while True: print('x' * 10_000)",
    "raw output flood": "import os\nwhile True: os.write(1, b'x' * 65536)",
    "kills itself": "import os\nos.kill(os.getpid(), 9)\nos._exit(3)",
    "segmentation fault": "import ctypes\nctypes.string_at(0)",
    "kills everyone": "import os\nos.kill(-1, 9)",
    "tampers with the channel": "import os\nos.write(3, b'\\xff' * 100)",
    "forges a report": "import os\nos.write(3, b'\\0\\0\\0\\2[]')",
    "closes everything": "import os\nos.closerange(0, 100)",
    "daemon": "import os, signal, time\nif os.fork() == 0:\n    os.setsid()\n"
    "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    if os.fork() == 0: time.sleep(100)\n    time.sleep(100)",
    "symbolic links": "import os\nfor i in range(10**6): os.symlink('/' * 100, f'/tmp/{i}')",
    "fills the tmpfs": "f = open('/tmp/big', 'wb', 0)\nwhile True: f.write(b'x' * (1 << 20))",
    "many files": "for i in range(10**6): open(f'/tmp/{i}', 'w').close()",
    "descriptors": "import os\nwhile True: os.open('/dev/null', 0)",
    "pipes": "import os\nwhile True: os.write(os.pipe()[1], b'x' * 60_000)",
    "shared memory": "import mmap\nx = [mmap.mmap(-1, 1 << 20) for _ in range(10**4)]",
    "deep recursion": "def f(): f()\nf()",
}


@dataclass(frozen=True)
class Held:
    """Resources of this process and its jails. Counts must not grow at all, bytes at most by ALLOWED_GROWTH_BYTES."""

    processes: int = field(metadata={"of": "descendants of this one; orphans become its children"})
    threads: int = field(metadata={"of": "of this process, without asyncio's pool"})
    descriptors: int = field(metadata={"of": "of this process and its descendants"})
    mounts: int = field(metadata={"of": "of this process and its descendants"})
    control_groups: int = field(metadata={"of": "below those that all sandboxes share"})
    own_bytes: int = field(metadata={"of": "resident, this process"})
    jail_bytes: int = field(metadata={"of": "resident and not backed by files, its descendants"})
    tmpfs_bytes: int = field(metadata={"of": "all tmpfs and shared memory of the machine"})

    def counts(self) -> list[int]:
        """The quantities that are counts, not bytes."""
        return [getattr(self, quantity.name) for quantity in fields(self) if not quantity.name.endswith("bytes")]

    def growth_over(self, before: "Held") -> list[str]:
        """The quantities that exceed `before` by more than is allowed."""
        names = [quantity.name for quantity in fields(self)]
        allowed = {name: ALLOWED_GROWTH_BYTES if name.endswith("bytes") else 0 for name in names}
        return [name for name in names if getattr(self, name) > getattr(before, name) + allowed[name]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=4 * (os.cpu_count() or 1))
    arguments = parser.parse_args()
    if arguments.executions < 1_000 or arguments.callers < 1:
        parser.error("at least 1000 executions and one caller are needed")
    logging.getLogger("sandbox").setLevel(logging.ERROR)  # tampering is logged as a warning each time
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    failures = asyncio.run(Soak(arguments.executions, arguments.callers).run())
    for failure in failures:
        print(f"failed: {failure}")
    return 1 if failures else 0


class Soak:
    """One run. The attacks are cycled through, so that every tenth of the executions has the same mix."""

    def __init__(self, executions: int, callers: int) -> None:
        self._executions, self._callers = executions, callers
        self._attacks = itertools.cycle(ATTACKS)
        self._outcomes: dict[str, Counter[Status]] = {name: Counter() for name in ATTACKS}
        self._wrong: Counter[str] = Counter()

    async def run(self) -> list[str]:
        """Return a line for each failure."""
        before = measure_held()
        settings = SandboxSettings(block_wall_s=1.0, memory_bytes=128 * MIB, output_bytes=100_000)
        async with Sandbox(settings) as sandbox:
            await self._execute(sandbox, max(self._executions // 1000, EXECUTIONS_PER_ATTACK * len(ATTACKS)))
            start = await settled()
            paces = await self._tenths(sandbox)
            end = await settled()
        closed = await settled()
        self._print_attacks()
        print(f"renewals of the jail: {dict(sandbox.stats.renewals)}, failures of ours: {sandbox.stats.failures}\n")
        print_held(before, start, end, closed)
        wrong = [f"{count} ordinary blocks: {what}" for what, count in self._wrong.items()]
        return [*wrong, *judge_held(before, start, end, closed), *judge_pace(paces)]

    async def _tenths(self, sandbox: Sandbox) -> list["Pace"]:
        """Run the tenths and return the pace of each."""
        print(
            f"{'executions':>10} {'per s':>7} {'probe ms':>8} {'processes':>9} {'descriptors':>11} {'groups':>6}"
            f" {'own MiB':>8}"
        )
        paces: list[Pace] = []
        for tenth in range(1, TENTHS + 1):
            started, count = time.perf_counter(), self._executions // TENTHS
            async with probing() as probes:
                await self._execute(sandbox, count)
                per_s = count / (time.perf_counter() - started)
            paces.append(Pace(per_s, statistics.fmean(probes)))
            now = measure_held()
            print(
                f"{tenth * count:10} {paces[-1].per_s:7.1f} {1e3 * paces[-1].probe_s:8.2f} {now.processes:9}"
                f" {now.descriptors:11} {now.control_groups:6} {now.own_bytes / MIB:8.1f}",
                flush=True,
            )
        return paces

    async def _execute(self, sandbox: Sandbox, executions: int) -> None:
        sessions = self._sessions(executions)

        async def caller() -> None:
            for attack, blocks in sessions:
                async with sandbox.session() as session:
                    for source, expected in blocks:
                        self._record(attack, await session.run(source), expected)

        await asyncio.gather(*(caller() for _ in range(self._callers)))

    def _sessions(self, executions: int) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Sessions of `executions` blocks in total: the attack's name or "", and blocks with their expected output."""
        while executions > 0:
            if executions % EXECUTIONS_PER_ATTACK == 0:
                name = next(self._attacks)
                blocks = [(ATTACKS[name], "")]
            else:
                name, n = "", executions
                blocks = [(f"x = {n} * 17\nprint(x)", f"{n * 17}\n"), ("print(x % 1009)", f"{n * 17 % 1009}\n")]
                blocks = blocks[: executions % EXECUTIONS_PER_ATTACK]
            executions -= len(blocks)
            yield name, blocks

    def _record(self, attack: str, execution: Execution, expected: str) -> None:
        if attack:
            self._outcomes[attack][execution.status] += 1
        elif (execution.status, execution.stdout) != (Status.OK, expected):
            self._wrong[f"{execution.status} {execution.error.strip()[-80:]}"] += 1

    def _print_attacks(self) -> None:
        print(f"\n{'attack':26} how it ended")
        for name, outcomes in self._outcomes.items():
            print(f"{name:26} {', '.join(f'{status} {count}' for status, count in outcomes.most_common())}")


# Resources


def measure_held() -> Held:
    """The resources held now."""
    gc.collect()
    below = descendants(os.getpid())
    all_pids = {os.getpid(), *below}
    return Held(
        processes=len(below),
        threads=sum(not thread.name.startswith("asyncio_") for thread in threading.enumerate()),
        descriptors=sum(len(_listed(f"/proc/{pid}/fd")) for pid in all_pids),
        mounts=sum(len(_read(f"/proc/{pid}/mountinfo").splitlines()) for pid in all_pids),
        control_groups=len(control_groups()),
        own_bytes=_status_bytes(os.getpid(), "VmRSS"),
        jail_bytes=sum(_status_bytes(pid, "RssAnon") + _status_bytes(pid, "RssShmem") for pid in below),
        tmpfs_bytes=_kib("Shmem", _read("/proc/meminfo")),
    )


async def settled() -> Held:
    """The resources held once no count has changed for STEADY_S: the last processes have ended, no jail is replaced."""
    deadline, now, since = time.monotonic() + SETTLE_S, measure_held(), time.monotonic()
    while time.monotonic() < min(since + STEADY_S, deadline):
        await asyncio.sleep(0.2)
        before, now = now, measure_held()
        if now.counts() != before.counts():
            since = time.monotonic()
    return now


def print_held(before: Held, start: Held, end: Held, closed: Held) -> None:
    print(f"{'held':16} {'before':>12} {'start':>12} {'end':>12} {'closed':>12}  what")
    for quantity in fields(Held):
        values = " ".join(f"{getattr(held, quantity.name):12,}" for held in (before, start, end, closed))
        print(f"{quantity.name:16} {values}  {quantity.metadata['of']}")
    print()


def judge_held(before: Held, start: Held, end: Held, closed: Held) -> list[str]:
    left = [name for name in closed.growth_over(before) if name != "own_bytes"]  # imported modules stay
    return [
        *(f"{name} grew from the start to the end" for name in end.growth_over(start)),
        *(f"{name} did not return to its level when the sandbox was closed" for name in left),
    ]


# Pace


class Pace(NamedTuple):
    """Executions per second, and the processor time of a probe meanwhile: a shared machine's speed varies."""

    per_s: float
    probe_s: float


@asynccontextmanager
async def probing() -> AsyncIterator[list[float]]:
    """Measure the processor time of a probe repeatedly until the context ends, at least once."""
    probes: list[float] = []
    ended = asyncio.Event()

    async def run_probes() -> None:
        while not ended.is_set():
            probes.append(await asyncio.to_thread(probe))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), PROBE_S)

    task = asyncio.create_task(run_probes())
    try:
        yield probes
    finally:
        ended.set()
        await task


def probe() -> float:
    """Seconds of processor time that a bare Python takes to start and exit."""
    used = os.wait4(os.posix_spawn(PROBE[0], PROBE, {}), 0)[2]
    return used.ru_utime + used.ru_stime


def judge_pace(paces: list[Pace]) -> list[str]:
    first, last = paces[0], paces[-1]
    absolute, relative = last.per_s / first.per_s, last.per_s * last.probe_s / (first.per_s * first.probe_s)
    print(
        f"throughput of the last tenth: {100 * absolute:.0f}% of the first's; relative to the machine's speed "
        f"{100 * relative:.0f}% (at least {100 * MIN_RELATIVE_PACE:.0f}%)"
    )
    return [] if relative >= MIN_RELATIVE_PACE else ["the last tenth was slower than the first"]


def descendants(pid: int) -> set[int]:
    threads = _listed(f"/proc/{pid}/task")
    children = {int(child) for thread in threads for child in _read(f"/proc/{pid}/task/{thread}/children").split()}
    return children | {below for child in children for below in descendants(child)}


def _status_bytes(pid: int, key: str) -> int:
    return _kib(key, _read(f"/proc/{pid}/status"))


def _kib(key: str, text: str) -> int:
    """The value of the line `key: N kB` in bytes, 0 without one."""
    return sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith(f"{key}:"))


def _read(file: str) -> str:
    """The file's text, empty if its process has ended."""
    with contextlib.suppress(OSError):
        return Path(file).read_text()
    return ""


def _listed(folder: str) -> list[str]:
    with contextlib.suppress(OSError):
        return os.listdir(folder)
    return []


if __name__ == "__main__":
    sys.exit(main())
