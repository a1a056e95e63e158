"""The answer checker under load: every verdict in time and steady memory, with hostile answers among the others.

    python tests/benchmarks/equivalence_load.py [--pairs N] [--concurrent N]

Prints the time of comparisons (p50, p99, max) and the memory of the checker's processes by thousand comparisons. Exits
with code 1 if one is late, a hostile answer is equal, p99 is a second or more, or memory grows.
"""

import argparse
import asyncio
import logging
import random
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[0] = str(ROOT)

import psutil  # noqa: E402

from sandbox.equivalence import AnswerChecker, Verdict  # noqa: E402
from sandbox.settings import AnswerCheckerSettings  # noqa: E402

HOSTILE = (
    "10^{10^{10}}",
    "9**9**9**9",
    "{" * 1_000_000,
    "(" * 900 + "x" + ")" * 900,
    "1" * 1_000_000,
    "1," * 600_000,
    "(10^9)!",
    r"\frac{" * 300 + "1" + "}{2}" * 300,
    r"\boxed{" * 140_000,
    r"\sum_{n=1}^{10^{12}} \sin(n^n)",
    r"\lfloor 10^{9000}\pi\rfloor",
    "x" + "^x" * 400,
    "+".join(rf"\sqrt{{{n}}}" for n in range(2, 200)),
    r"\sin " * 400 + "x",
    "\0" * 1000,
    "\ud800",
)
ORDINARY = (
    ("x+1", "1+x", Verdict.EQUAL),
    (r"\frac{\sqrt2}{2}", r"\frac{1}{\sqrt2}", Verdict.EQUAL),
    ("42", "41", Verdict.DIFFERENT),
    (r"\sin 30^\circ", r"\frac12", Verdict.EQUAL),
    ("x^2-1", "(x-1)(x+1)", Verdict.EQUAL),
    ("2x+y=3", "4x+2y=6", Verdict.EQUAL),
    (r"(-\infty,1)\cup(1,\infty)", r"\mathbb{R}\setminus\{1\}", Verdict.EQUAL),
    ("x^2", "x^3", Verdict.DIFFERENT),
)
HOSTILE_SHARE = 0.03
LATE_S = 2.0  # forking and killing may add this to a comparison's own limit
P99_S = 1.0
GROWTH = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10_000)
    parser.add_argument("--concurrent", type=int, default=32)
    parser.add_argument("--check-wall-s", type=float, default=5.0)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    return asyncio.run(measure(arguments.pairs, arguments.concurrent, arguments.check_wall_s))


async def measure(pairs: int, concurrent: int, check_wall_s: float) -> int:
    """Compare, and print what was measured. Returns the exit code."""
    rng = random.Random(0)
    seconds: list[float] = []
    memory: list[float] = []
    wrong: Counter[str] = Counter()
    numbers = iter(range(pairs))

    async def work(checker: AnswerChecker) -> None:
        for number in numbers:
            hostile = rng.random() < HOSTILE_SHARE
            expected, given, wanted = ("3x", rng.choice(HOSTILE), None) if hostile else (*rng.choice(ORDINARY),)
            began = time.monotonic()
            verdict = await checker.check(expected, given)
            seconds.append(time.monotonic() - began)
            if verdict is Verdict.EQUAL if hostile else verdict is not wanted:
                wrong[f"{expected[:20]} and {given[:20]}: {verdict}"] += 1
            if number % (pairs // 10) == 0:
                memory.append(_memory_mib())

    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=check_wall_s)) as checker:
        await checker.check("x+1", "1+x")  # starts the jail
        began = time.monotonic()
        await asyncio.gather(*(work(checker) for _ in range(concurrent)))
        took = time.monotonic() - began
    return report(seconds, memory, wrong, took)


def report(seconds: list[float], memory: list[float], wrong: Counter[str], took: float) -> int:
    """Print the figures and what was missed."""
    cuts = statistics.quantiles(seconds, n=100)
    print(
        f"{len(seconds)} comparisons in {took:.0f} s, {len(seconds) / took:.0f} a second, waiting for a slot included"
    )
    print(f"p50 {1e3 * cuts[49]:.1f} ms, p99 {1e3 * cuts[98]:.0f} ms, max {max(seconds):.1f} s")
    print("MiB of all processes: " + " ".join(f"{mib:.0f}" for mib in memory))
    half = len(memory) // 2
    missed = [f"{text} ({count} times)" for text, count in wrong.items()]
    missed += ["p99 is a second or more"] * (cuts[98] >= P99_S)
    missed += ["memory grows"] * (max(memory[half:]) > GROWTH * max(memory[1:half]))
    for line in missed:
        print(f"missed: {line}")
    return 1 if missed else 0


def _memory_mib() -> float:
    """Proportional memory of this process and all below it."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue  # it has exited, or is confined and not ours to read
    return total / 2**20


if __name__ == "__main__":
    sys.exit(main())
