"""How long a sampler takes to start, and to start again after it was killed.

    python tests/benchmarks/startup.py [--rounds N] [--base FOLDER]

Starts a sampler as a run does, as a Ray actor, and prints the seconds until it is ready and
until its first rollouts are in the store; then kills it and does it again, as its driver would. The policy is the
demo's, after its warm start. `--base`: a checkout of an earlier version; both versions then run alternately.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CASE = "demo"
POLL_S = 0.02
FIGURES = tuple(
    f"{start}: {what}"
    for start in ("first start", "after a kill")
    for what in ("ready", "first rollout", "processor: sampler", "processor: engine")
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--base", type=Path, help="a checkout of an earlier version to compare with")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "sampling-benchmark")
    parser.add_argument("--worker", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker is not None:
        sys.path.insert(0, str(arguments.worker))
        with tempfile.TemporaryDirectory() as folder:
            measure(arguments.cache / CASE, Path(folder))
        return 0
    sys.path.insert(0, str(ROOT))
    from sampling_cases import prepare_case

    prepare_case(CASE, arguments.cache)
    versions = {"base": arguments.base, "this": ROOT} if arguments.base else {"this": ROOT}
    found: dict[str, list[list[float]]] = {name: [] for name in versions}
    for _ in range(arguments.rounds):
        for name, folder in versions.items():
            found[name].append(run(folder, arguments.cache))
    print(f"seconds, the median of {arguments.rounds}")
    for number, figure in enumerate(FIGURES):
        medians = {name: statistics.median(run[number] for run in runs) for name, runs in found.items()}
        print(f"{figure:34}" + "".join(f"{name:>6} {seconds:6.1f}" for name, seconds in medians.items()))
    return 0


def run(folder: Path, cache: Path) -> list[float]:
    command = [sys.executable, __file__, "--worker", str(folder), "--cache", str(cache)]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder, check=True)
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def measure(prepared: Path, folder: Path) -> None:
    """Start a sampler, kill it, and print the FIGURES as JSON."""
    import ray
    from sampling_cases import CASES, config_of

    from actors.sampling.sampler import Sampler
    from cluster.loop.algorithm_config import SelfTrainingConfig
    from store.records import Policy, Sampling
    from store.store import Store

    shutil.copy(prepared / "store.db", folder / "store.db")
    config = config_of(CASES[CASE], [])
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with Store.open(f"sqlite:///{folder / 'store.db'}") as store:
        version = store.policies.next_version()
        store.policies.add(Policy(version, None, str(prepared / "policy")))
        store.iterations.open(1, policy_version=version)
        store.iterations.schedule(1, CASES[CASE].problems, 40, Sampling(config.iteration.temperature))
        make = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Sampler)
        started = time.perf_counter()
        sampler = make.remote(config=SelfTrainingConfig(config, str(folder)), worker_index=1, num_workers=1)
        figures = until_sampling(ray, sampler, store, started)
        os.kill(ray.get(sampler.apply.remote(usage))[0], signal.SIGKILL)
        figures += until_sampling(ray, sampler, store, time.perf_counter())
    print(json.dumps(figures), flush=True)
    ray.shutdown()


def usage(_: Any) -> tuple[int, float, float]:
    """The process id, and processor seconds of this process and of its children that are no part of the sandbox."""
    import psutil

    def seconds(process: psutil.Process) -> float:
        try:
            times = process.cpu_times()
            return 0.0 if "nsjail" in process.name() else times.user + times.system
        except psutil.NoSuchProcess:  # a session of the sandbox that has just ended
            return 0.0

    own = psutil.Process()
    return own.pid, seconds(own), sum(map(seconds, own.children(recursive=True)))


def until_sampling(ray: Any, sampler: Any, store: Any, started: float) -> list[float]:
    """Seconds since `started` until the sampler has its policy and has written rollouts, and processor seconds."""
    before = store.iterations.progress(1)[0]
    while not ray.get(sampler.sample.remote(wait_s=POLL_S))["ready"]:
        pass
    ready_s = time.perf_counter() - started
    cpu_s = ray.get(sampler.apply.remote(usage))[1:]
    while store.iterations.progress(1)[0] <= before:
        time.sleep(POLL_S)
    return [ready_s, time.perf_counter() - started, *cpu_s]


if __name__ == "__main__":
    sys.exit(main())
