"""Benchmark of the demo: several seeds, each with a control that trains as many steps on the demonstrations alone.

    python tests/benchmarks/demo.py --seeds 5

The control of a seed has the same problems, base policy and demonstrations. Prints a Markdown table of the held-out
greedy pass@1 (in points) of the warm start, of the promoted policy, and of the control's best policy.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("automathes"))


@dataclass(frozen=True)
class Outcome:
    """One run: points of the warm start, of each iteration's policy and of the promoted one; seconds in total."""

    warm_start: float
    iterations: list[float]
    promoted: float
    problems: int
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark"))
    arguments = parser.parse_args()
    print("| seed | warm start | self-training, by iteration | promoted | gain | control | above control | seconds |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    rows = [
        compare(seed, arguments.runs) for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    gains = sorted(trained.promoted - trained.warm_start for trained, _ in rows)
    above = sorted(trained.promoted - control.promoted for trained, control in rows)
    print(f"\nmedian gain {gains[len(gains) // 2]:.1f} points, median above the control {above[len(above) // 2]:.1f}")
    print(f"gain of 20 points or more in {sum(gain >= 20 for gain in gains)} of {len(gains)} seeds")


def compare(seed: int, runs: Path) -> tuple[Outcome, Outcome]:
    """Run one seed and its control, and print their row."""
    trained = run(seed, runs, f"seed{seed}", "self_training")
    control = run(seed, runs, f"seed{seed}-control", "demonstrations_only")
    by_iteration = " → ".join(f"{value:.1f}" for value in trained.iterations)
    print(
        f"| {seed} | {trained.warm_start:.1f} | {by_iteration} | {trained.promoted:.1f} "
        f"| {trained.promoted - trained.warm_start:+.1f} | {control.promoted:.1f} "
        f"| {trained.promoted - control.promoted:+.1f} | {trained.seconds:.0f} |",
        flush=True,
    )
    return trained, control


def run(seed: int, runs: Path, name: str, mode: str) -> Outcome:
    """Run the demo to its end; the figures are those of `automathes status --json`."""
    started = time.monotonic()
    options = ["--set", f"seed={seed}", "--set", f"mode={mode}", "--set", "ray.dashboard=false"]
    subprocess.run(
        [COMMAND, "run", "--preset", "demo", "--name", name, "--runs", str(runs), *options],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    seconds = time.monotonic() - started
    output = subprocess.run([COMMAND, "status", "--json", "--runs", str(runs)], check=True, capture_output=True)
    status = json.loads(output.stdout)
    figures = [f for f in status["evaluations"] if (f["benchmark"], f["metric"]) == ("heldout", "pass@1")]
    points = {figure["policy_version"]: 100 * figure["value"] for figure in figures}
    first, *later = sorted(points)
    return Outcome(
        warm_start=points[first],
        iterations=[points[version] for version in later],
        promoted=points[status["policy"]["promoted_version"]],
        problems=figures[0]["n"],
        seconds=seconds,
    )


if __name__ == "__main__":
    main()
