"""Benchmark of the simulation: what it predicts beside what real runs of the demo did.

    python tests/benchmarks/simulation.py --runs runs/simulation
    python tests/benchmarks/simulation.py --runs runs/simulation --report

Runs the demo with 1 and 3 samplers and leads of 0 and 1, five iterations each: about six minutes for each on two idle
cores. Each run is predicted twice: from its own measurements, which tests how the simulation puts the parts together,
and from those of the run with one sampler and no lead alone, which also tests how it changes with their number. A run
that is finished is not made again, so the benchmark can be interrupted and continued; one that was interrupted is made
again, since its times would be wrong. Run it on an idle machine.

The exit code is 1 if a prediction from a run's own measurements differs by more than 15 %.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("automathes"))
LIMIT = 0.15
LIMIT_S = 3600.0
FIGURES = {"iteration_s": "iteration [s]", "tokens_per_s": "tokens/s", "engine_utilization": "engines in use"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the demo."""

    samplers: int
    lead: int

    @property
    def name(self) -> str:
        return f"{self.samplers}-samplers-lead-{self.lead}"

    @property
    def label(self) -> str:
        return f"{self.samplers} sampler{'s' * (self.samplers > 1)}, lead {self.lead}"


CELLS = tuple(Cell(samplers, lead) for samplers in (1, 3) for lead in (0, 1))


def main() -> int:
    """Make the runs that are missing, and print the table."""
    arguments = parse_arguments()
    for cell in CELLS:
        if not arguments.report and not finished(arguments.runs, cell).exists():
            make_run(arguments.runs, cell, arguments.iterations)
    done = [cell for cell in CELLS if finished(arguments.runs, cell).exists()]
    if not done:
        sys.exit(f"there is no finished run in {arguments.runs}")
    worst = 0.0
    print("| run | prediction from | figure | measured | predicted | difference |\n|---|---|---|---|---|---|")
    for row in rows(arguments.runs, done):
        print(f"| {' | '.join(row.cells)} |", flush=True)
        worst = max(worst, abs(row.difference) if row.is_own else 0.0)
    print(f"\nLargest difference of a prediction from a run's own measurements: {worst:.1%}")
    return int(worst > LIMIT)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--runs", type=Path, default=Path("runs/simulation"), help="folder of the runs")
    add("--iterations", type=int, default=5)
    add("--report", action="store_true", help="print the table of the runs that are finished, and run nothing")
    return parser.parse_args()


# ---------------------------------------------------------------- runs


def finished(runs: Path, cell: Cell) -> Path:
    return runs / cell.name / "finished"


def folder(runs: Path, cell: Cell) -> Path:
    return runs / cell.name / "demo-1"


def make_run(runs: Path, cell: Cell, iterations: int) -> None:
    root = runs / cell.name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    settings = {
        "sampler.num_samplers": cell.samplers,
        "sampler.cpus_per_sampler": 0.25,
        "iteration.lead": cell.lead,
        "ray.dashboard": "false",
    }
    options = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [COMMAND, "run", "--preset", "demo", "--runs", str(root), "--iterations", str(iterations), *options]
    print(f"running the demo with {cell.label}", file=sys.stderr, flush=True)
    with (root / "output.txt").open("w") as output:
        subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, timeout=LIMIT_S, check=True)
    finished(runs, cell).touch()


# ---------------------------------------------------------------- predictions


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one prediction."""

    cells: tuple[str, ...]
    difference: float
    is_own: bool


def rows(runs: Path, done: list[Cell]) -> Iterator[Row]:
    for cell in done:
        own = plan(folder(runs, cell))
        yield from compare(cell, "itself", own["measured"], own["predicted"])
        if cell != CELLS[0] and CELLS[0] in done:
            options = "--samplers", str(cell.samplers), "--lead", str(cell.lead)
            predicted = plan(folder(runs, CELLS[0]), *options)["predicted"]
            yield from compare(cell, CELLS[0].label, own["measured"], predicted)


def plan(run: Path, *options: str) -> Mapping[str, Any]:
    command = [COMMAND, "plan", "--simulate", "--run", str(run), "--json", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if result.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{result.stderr}")
    record: Mapping[str, Any] = json.loads(result.stdout)
    return record


def compare(cell: Cell, source: str, measured: Mapping[str, float], predicted: Mapping[str, float]) -> Iterator[Row]:
    for name, title in FIGURES.items():
        difference = predicted[name] / measured[name] - 1
        texts = (f"{value:,.2f}" if value < 10 else f"{value:,.1f}" for value in (measured[name], predicted[name]))
        yield Row((cell.label, source, title, *texts, f"{difference:+.1%}"), difference, source == "itself")


if __name__ == "__main__":
    sys.exit(main())
