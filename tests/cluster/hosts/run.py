"""A run on a cluster of hosts, as a user submits it and as its store shows it."""

import time
from collections.abc import Callable
from pathlib import Path

from store.runs.run_state import ActualState
from store.store import Store

from .cluster import Cluster, wait_until

ITERATIONS = 10  # the run must last until its head is lost: on idle cores an iteration takes ten seconds
START_S = 600.0  # of a run on two cores that three hosts share
ITERATION_S = 900.0
JOB_EVERY_S = 20.0


class Run:
    """The run as it is seen from the machine that has its store."""

    def __init__(self, cluster: Cluster, url: str) -> None:
        self.cluster, self.url = cluster, url
        self.runs = cluster.hosts.shared / "runs"
        self.folder = self.runs / "demo-1"
        self.store: Store
        self.job = ""

    def start(self, *more: str) -> None:
        words = ["~/automathes/.venv/bin/automathes", "run", "--runs", str(self.runs), *more]
        self.job = self.cluster.submit(f"bash -c '{' '.join(words)}'")

    def rollouts(self) -> int:
        return self.store.run.statistics().train.total

    def log(self) -> str:
        return self.cluster.job_log(self.job)

    def wait(self, condition: Callable[[], bool], what: str, limit_s: float = ITERATION_S) -> None:
        """Wait for a condition while the job goes on."""
        next_look = time.monotonic()

        def met() -> bool:
            nonlocal next_look
            if time.monotonic() > next_look:
                state = self.cluster.job_state(self.job)
                assert state in ("PENDING", "RUNNING", "SUCCEEDED"), f"the job is {state}:\n{self.log()}"
                next_look = time.monotonic() + JOB_EVERY_S
            return condition()

        wait_until(met, what, limit_s, self.log)

    def wait_for_end(self, limit_s: float) -> None:
        """Wait until the job has ended well."""
        self.wait(lambda: self.store.run.state().actual is ActualState.STOPPED, "the end of the run", limit_s)
        wait_until(lambda: self.cluster.job_state(self.job) == "SUCCEEDED", "the end of the job", 120.0, self.log)


def config_file(shared: Path, store_url: str) -> Path:
    """The run's configuration: the demo in small, with a sampler for each of three hosts."""
    path = shared / "run.toml"
    path.write_text(f"""
preset = "demo"
evaluation = {{ problems = 20, base = false }}
promotion = {{ max_problems = 0 }}
iteration = {{ count = {ITERATIONS}, problems = 150, samples_per_problem = 4, lead = 1 }}
teacher = {{ kind = "scripted", count = 100 }}

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 700
heldout_fraction = 0.2
config = {{ max_digits = 2 }}

[store]
url = "{store_url}"

[sampler]
num_samplers = 3
cpus_per_sampler = 1
lease_ttl_s = 15.0
[sampler.engine]
max_concurrent_rollouts = 8
[learner]
cpus_per_rank = 1
warm_start = {{ steps = 60 }}
iteration = {{ steps = 40 }}
[ray]
address = "auto"
dashboard = false
""")
    return path
