"""Benchmark of the lead: what it brings that sampling is ahead of training, and what it costs in accuracy.

    python tests/benchmarks/asynchrony.py --results asynchrony.jsonl
    python tests/benchmarks/asynchrony.py --report asynchrony.jsonl

The demo with smaller iterations, as on two machines of one core: samplers run on the first core, the learner, the
driver and Ray on the second. For each seed the warm start is made once, and each lead continues a copy of it, with the
same problems and demonstrations. A run adds one line to the results; a run that has its line already is not made
again, so the benchmark can be interrupted and continued. Run it on an idle machine.
"""

import argparse
import contextlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

sys.path[0] = str(Path(__file__).parents[2])  # in place of this folder, in which `store` is a benchmark

from cluster.config.run_folder import RunFolder  # noqa: E402
from store.database.connection import connect  # noqa: E402
from store.database.tables import PolicyRow, RolloutRow, TrainingSetRow  # noqa: E402
from store.database.urls import parse_url  # noqa: E402
from store.records import Purpose  # noqa: E402
from store.store import Store  # noqa: E402
from tests.benchmarks.asynchrony_report import Point, Run, read_runs, render  # noqa: E402
from tests.processes import Processes, end, marked  # noqa: E402

COMMAND = str(Path(sys.executable).with_name("automathes"))
SAMPLING_CORE, TRAINING_CORE = 0, 1
PIN_EVERY_S = 0.5
LIMIT_S = 3600.0


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a run, the same for all leads and seeds. `steps` are those of an iteration."""

    iterations: int
    problems: int
    steps: int
    heldout: int
    quorum: float | None

    def options(self, seed: int) -> list[str]:
        """The options of `automathes run` for the warm start of a seed."""
        settings = {
            "seed": seed,
            "iteration.problems": self.problems,
            "learner.iteration.steps": self.steps,
            "evaluation.problems": self.heldout,
            "promotion.max_problems": 0,  # all policies are measured on the same problems
            "sampler.engine.cpu_threads": 1,
            "learner.threads": 1,
            "sampler.cpus_per_sampler": 0.25,
            "learner.cpus_per_rank": 0.25,
            "ray.dashboard": "false",
            **({"iteration.quorum": self.quorum} if self.quorum is not None else {}),
        }
        return [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]


def main() -> None:
    """Make the runs that are missing in the results, or print the report."""
    arguments = parse_arguments()
    if arguments.report is not None:
        print(render(read_runs(arguments.report)))
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that no run outlives this process
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the samplers and one for the learner")
    plan = Plan(arguments.iterations, arguments.problems, arguments.steps, arguments.heldout, arguments.quorum)
    for seed in arguments.seeds:
        for lead in arguments.leads:
            done = {(run.seed, run.lead) for run in read_runs(arguments.results) if run.plan == asdict(plan)}
            if (seed, lead) not in done:
                run = measure(seed, lead, plan, arguments.runs.absolute())
                with arguments.results.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(run)) + "\n")
                print(f"seed {seed}, lead {lead}: {run.per_hour:.0f} iterations an hour", flush=True)
    print(render(read_runs(arguments.results)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--results", type=Path, default=Path("asynchrony.jsonl"), help="where lines are added, one for each run")
    add("--report", type=Path, metavar="FILE", help="print the tables of these results, and run nothing")
    add("--seeds", type=_numbers, default=[0, 1, 2, 3, 4], help="with commas (default: 0,1,2,3,4)")
    add("--leads", type=_numbers, default=[0, 1, 2, 4], help="with commas (default: 0,1,2,4)")
    add("--iterations", type=int, default=12)
    add("--problems", type=int, default=120, help="of an iteration, each sampled four times")
    add("--steps", type=int, default=110, help="of training, in each iteration")
    add("--heldout", type=int, default=200, help="problems of each evaluation")
    add("--quorum", type=float, help="of an iteration (default: the run's own)")
    add("--runs", type=Path, default=Path("runs/asynchrony"), help="folder of the runs")
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


# ---------------------------------------------------------------- one run


def measure(seed: int, lead: int, plan: Plan, runs: Path) -> Run:
    """Run one lead of a seed on a copy of the seed's warm start."""
    warm = warm_start(seed, plan, runs)
    folder = RunFolder(runs / f"seed{seed}-lead{lead}" / "run")
    shutil.rmtree(folder.path.parent, ignore_errors=True)
    shutil.copytree(warm, folder.path)
    command = "run", "--resume", "--run", str(folder.path), "--iterations", str(plan.iterations)
    run_pinned(runs, *command, "--set", f"iteration.lead={lead}")
    with folder.open_store(folder.read_config()) as store:
        return read_run(store, seed, lead, plan)


def warm_start(seed: int, plan: Plan, runs: Path) -> Path:
    """The folder of the seed's run after its warm start, which is made if it is not there yet."""
    root = runs / f"seed{seed}-{plan.problems}-{plan.steps}-{plan.heldout}"
    folder, finished = root / "demo-1", root / "finished"
    if not finished.exists():
        shutil.rmtree(root, ignore_errors=True)
        run_pinned(root, "run", "--preset", "demo", "--iterations", "0", *plan.options(seed))
        finished.touch()
    return folder


def run_pinned(runs: Path, *arguments: str) -> None:
    """Run a command to its end, with its processes on their cores."""
    mark = uuid.uuid4().hex
    processes = Processes.marked(mark)
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / "output.txt").open("ab") as output, pinning(processes):
        try:
            subprocess.run(
                [COMMAND, *arguments, *(() if "--run" in arguments else ("--runs", str(runs)))],
                check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=marked(mark), timeout=LIMIT_S,
            )  # fmt: skip
        finally:
            end(processes)


@contextlib.contextmanager
def pinning(processes: Processes) -> Iterator[None]:
    """Keep the processes of samplers on one core and all others on the other one, as two machines would."""
    ended = threading.Event()
    pinned: dict[int, int] = {}

    def keep() -> None:
        while not ended.wait(PIN_EVERY_S):
            sampling = {pid for sampler in processes.samplers() for pid in _family(sampler)}
            for process in processes.all():
                core = SAMPLING_CORE if process.pid in sampling else TRAINING_CORE
                if pinned.get(process.pid) != core and _pin(process.pid, core):
                    pinned[process.pid] = core

    thread = threading.Thread(target=keep, name="pinning", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _family(process: psutil.Process) -> list[int]:
    """A process and its descendants: a sampler's engine and jails belong to its machine."""
    with contextlib.suppress(psutil.Error):
        return [process.pid, *(child.pid for child in process.children(recursive=True))]
    return []


def _pin(pid: int, core: int) -> bool:
    """Pin all threads of a process; those that start later inherit it. Returns whether the process is still there."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread), {core})
        return True
    return False


# ---------------------------------------------------------------- its figures


def read_run(store: Store, seed: int, lead: int, plan: Plan) -> Run:
    """The figures of a finished run, from its store. Time counts from the first rollout: engines start once."""
    iterations = store.iterations.all()[: plan.iterations]
    ended_at = max(iteration.closed_at or math.inf for iteration in iterations)
    with reading(store) as session:
        written = select(func.min(RolloutRow.created_at)).where(RolloutRow.purpose == Purpose.TRAIN)
        started_at = session.scalars(written).one()
        sampled = dict(session.execute(_tokens_by(RolloutRow.iteration)).all())
        lag_tokens = {str(lag): tokens for lag, tokens in session.execute(_tokens_by(RolloutRow.lag))}
        trained = session.scalars(select(PolicyRow).where(PolicyRow.parent.is_not(None)).order_by(PolicyRow.version))
        published = [(row.version, max(row.created_at - started_at, 0.0)) for row in trained]
        sets = session.scalars(select(TrainingSetRow.lag_tokens).where(TrainingSetRow.iteration > 0))
        trained_lag_tokens = sum((Counter(lags) for lags in sets if lags), Counter())
    points = heldout_points(store)
    curve = [  # the warm start's policy is the first, then there is one for each iteration
        Point(number, at_s, sum(sampled.get(i, 0) for i in range(1, number + 1)), points[version])
        for number, (version, at_s) in enumerate(published)
    ]
    seconds = ended_at - started_at
    per_hour = 3600 * len(iterations) / seconds
    return Run(seed, lead, asdict(plan), seconds, per_hour, curve, lag_tokens, dict(trained_lag_tokens))


def heldout_points(store: Store) -> dict[int, float]:
    """Greedy pass@1 on the held-out problems by policy, in points."""
    figures = store.evaluations.figures()
    wanted = [one for one in figures if (one.benchmark, one.metric) == ("heldout", "pass@1")]
    return {one.policy_version: 100 * one.figure.value for one in wanted}


@contextlib.contextmanager
def reading(store: Store) -> Iterator[Session]:
    """A session for queries that the store itself has no use for."""
    engine = connect(parse_url(store.url), create=False)
    with Session(engine) as session:
        yield session
    engine.dispose()


def _tokens_by(column: Any) -> Select:
    query = select(column, func.sum(RolloutRow.tokens)).where(RolloutRow.purpose == Purpose.TRAIN)
    return query.where(column.is_not(None)).group_by(column)


if __name__ == "__main__":
    main()
