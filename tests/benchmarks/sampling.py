"""How fast rollouts are sampled: by the product, by a lock-step loop, and by the bare engine.

    python tests/benchmarks/sampling.py [--case demo|smollm2] [--rounds N] [--base FOLDER] [--set KEY=VALUE] [--profile]

- lock-step: a batch of rollouts generates a turn to its end, then all its code blocks run, then the next turn.
- ours: the rollout worker with the store, the sandbox and the checker.
- bare: the engine alone, with the same prompts, and as many tokens for each rollout as ours sampled.

All with the same policy, problems, settings and engine, one after the other in every round. Prints the medians.
"cores" is processor time over wall time, "above lock-step" a ratio of tokens a second.

The cases: "demo" is the demo's policy after its warm start. "smollm2" is SmolLM2-135M-Instruct with planned solutions
(see sampling_cases.py): lengths with a long tail, and one code block in fifty sleeps for three seconds.

`--base`: a checkout of an earlier version; both versions then run alternately. `--set`: a setting of this version, as
for `automathes run`. `--profile`: the milliseconds of processor time of a rollout, by part; needs py-spy.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WARM_UP_ROLLOUTS, WARM_UP_TOKENS = 8, 8
MODES = ("ours", "bare", "lock-step")  # the bare engine repeats what ours sampled


class Worker:
    """A process with the version of the code in `folder`, whose engine stays."""

    def __init__(self, folder: Path, case: str, cache: Path, settings: list[str]) -> None:
        command = [sys.executable, __file__, "--worker", str(folder), "--case", case, "--cache", str(cache)]
        command += [part for setting in settings for part in ("--set", setting)]
        environment = os.environ | {"PYTHONPATH": str(folder)}  # for the engine's process too
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
        )
        self.pid = int(self._read()["pid"])
        self._lengths: dict[str, int] = {}

    def run(self, mode: str) -> dict[str, Any]:
        """Run one mode and return its figures."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([mode, self._lengths]) + "\n")
        self._process.stdin.flush()
        figures = self._read()
        if mode == "ours":
            self._lengths = figures["lengths"]
        return figures

    def warm_up(self) -> None:
        """Have the engine sample a few tokens."""
        self._lengths = {f"{number}-0": WARM_UP_TOKENS for number in range(1, WARM_UP_ROLLOUTS + 1)}
        self.run("bare")

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())  # type: ignore[no-any-return]


def main() -> int:
    arguments = parse()
    if arguments.worker is not None:
        sys.path.insert(0, str(arguments.worker))
        import uvloop  # as the loop of an actor of Ray
        from sampling_worker import serve

        uvloop.run(serve(arguments.case, arguments.cache / arguments.case, arguments.set))
        return 0
    sys.path.insert(0, str(ROOT))
    from sampling_cases import prepare_case

    prepare_case(arguments.case, arguments.cache)
    versions = {"base": (arguments.base, [])} if arguments.base else {}
    versions["this"] = (ROOT, arguments.set)
    workers = {
        name: Worker(folder, arguments.case, arguments.cache, settings) for name, (folder, settings) in versions.items()
    }
    for worker in workers.values():
        worker.warm_up()
    compare(workers, arguments.modes, arguments.rounds)
    if arguments.profile:
        from sampling_profile import profile

        for name, worker in workers.items():
            profile(name, worker)
    for worker in workers.values():
        worker.close()
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=("demo", "smollm2"), default="demo")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base", type=Path, help="a checkout of an earlier version to compare with")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--profile", action="store_true", help="attribute the processor time to parts")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "sampling-benchmark")
    parser.add_argument("--worker", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    return parser.parse_args()


def compare(workers: dict[str, Worker], modes: tuple[str, ...], rounds: int) -> None:
    """Run the modes of all versions in turn, and print the medians."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for mode in modes:
            for name, worker in workers.items():
                found.setdefault((name, mode), []).append(worker.run(mode))
    print(
        f"{os.cpu_count()} cores, {rounds} rounds of {next(iter(found.values()))[0]['rollouts']} rollouts\n"
        f"{'version':8} {'mode':10} {'tokens/s':>9} {'rollouts/s':>10} {'to bare':>8} {'above lock-step':>15} "
        f"{'cores':>6} {'ms of processor a rollout: sampler, engine, sandbox':>52}"
    )
    speeds = {key: statistics.median(run["tokens"] / run["seconds"] for run in runs) for key, runs in found.items()}
    for (name, mode), runs in found.items():
        median = sorted(runs, key=lambda run: run["tokens"] / run["seconds"])[len(runs) // 2]
        speed, cpu = speeds[name, mode], median["cpu"]
        parts = " ".join(f"{1e3 * seconds / median['rollouts']:7.2f}" for seconds in cpu.values())
        print(
            f"{name:8} {mode:10} {speed:9.0f} {median['rollouts'] / median['seconds']:10.1f} "
            f"{_ratio(speed, speeds.get((name, 'bare'))):>8} {_ratio(speed, speeds.get((name, 'lock-step'))):>15} "
            f"{sum(cpu.values()) / median['seconds']:6.2f} {parts:>52}",
            flush=True,
        )
    print("outcomes of ours:", next(iter(found.values()))[-1].get("outcomes"))


def _ratio(speed: float, reference: float | None) -> str:
    return f"{speed / reference:.2f}" if reference else "-"


if __name__ == "__main__":
    sys.exit(main())
