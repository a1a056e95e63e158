"""Where a run's actors go on three hosts that share no folder: the ranks apart, as no host has room for both, and four
samplers on all hosts. Policies are on an S3 server.

One run serves all tests of this module.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.runs.run_state import ActualState
from store.store import Store
from tests.chaos.checks.invariants import check_end
from tests.s3_server import BUCKET, S3Server, environment, s3_server
from tests.store.postgresql_server import PostgresqlServer, find_binaries

from .cluster import Cluster, wait_until
from .hosts import MACHINE_ADDRESS, NETWORK, Host, Hosts, missing

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(missing() is not None, reason=f"hosts need {missing()}"),
    pytest.mark.skipif(find_binaries() is None, reason="a cluster's store needs a PostgreSQL server"),
]

CPUS = 4  # that each host offers: a rank takes three and a sampler one
RANKS, SAMPLERS = 2, 4
CACHE = "/tmp/policies"
STORAGE = f"s3://{BUCKET}/hosts"
ITERATIONS = 4  # in which all four samplers have started
LIMIT_S = 900.0


@dataclass
class Observed:
    """The run at its end, and the hosts of its actors and the copies of policies on each host while it sampled."""

    cluster: Cluster
    folder: Path
    store: Store
    actors: dict[str, str]
    copies: dict[str, list[str]]

    def hosts_of(self, role: str) -> Counter[str]:
        return Counter(host for name, host in self.actors.items() if f"/{role}-" in name)


@pytest.fixture(scope="module")
def run(hosts_folder: Path) -> Iterator[Observed]:
    with (
        Hosts(hosts_folder) as hosts,
        PostgresqlServer(f"-c listen_addresses={MACHINE_ADDRESS}", network=NETWORK) as server,
        s3_server(MACHINE_ADDRESS) as s3,
    ):
        server.create_database("run")
        store_url = f"postgresql://automathes@{MACHINE_ADDRESS}/run"
        desk, head, *workers = (hosts.add(number) for number in range(4))
        for worker in workers:
            worker.run(f"mount -t tmpfs none {hosts.shared}")
        for host in (head, *workers):
            give_credentials(host, s3)
        cluster = Cluster(hosts, desk, head, workers, CPUS)
        cluster.up()
        names = {head.name, *(worker.name for worker in workers)}
        wait_until(lambda: cluster.alive() == names, "all hosts", LIMIT_S)
        with Store.open(store_url) as store:
            yield observe(cluster, store, store_url)


def give_credentials(host: Host, server: S3Server) -> None:
    """Let Ray's processes on the host use the S3 server."""
    lines = "\n".join(f"export {name}={value}" for name, value in environment(server).items())
    host.run(f"echo '{lines}' > ~/.bashrc")


def observe(cluster: Cluster, store: Store, store_url: str) -> Observed:
    """Make a run, from its start to its end."""
    config, runs = cluster.hosts.shared / "run.toml", cluster.hosts.shared / "runs"
    config.write_text(configuration(store_url))
    job = cluster.submit(f"~/automathes/.venv/bin/automathes run --runs {runs} --config {config}")

    def wait(condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, LIMIT_S, lambda: cluster.job_log(job))

    wait(lambda: sum("rank" in name for name in cluster.actors()) == RANKS, "the ranks")
    actors = cluster.actors()
    wait(lambda: sum(sampler.policy_version is not None for sampler in store.samplers.all()) == SAMPLERS, "policies")
    actors |= cluster.actors()
    copies = {
        host.name: host.run(f"find {CACHE} -name '*.safetensors'").split() for host in (cluster.head, *cluster.workers)
    }
    wait(lambda: store.run.state().actual is ActualState.STOPPED, "the end of the run")
    wait(lambda: cluster.job_state(job) == "SUCCEEDED", "the end of the job")
    return Observed(cluster, runs / "demo-1", store, actors, copies)


def configuration(store_url: str) -> str:
    return f"""
preset = "demo"
evaluation = {{ problems = 20, base = false }}
promotion = {{ max_problems = 0 }}
iteration = {{ count = {ITERATIONS}, problems = 300, samples_per_problem = 8 }}
teacher = {{ kind = "scripted", count = 100 }}

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 500
heldout_fraction = 0.2
config = {{ max_digits = 2 }}

[store]
url = "{store_url}"
[storage]
url = "{STORAGE}"
cache = "{CACHE}"

[sampler]
num_samplers = {SAMPLERS}
cpus_per_sampler = 1
[sampler.engine]
max_concurrent_rollouts = 8
[learner]
num_ranks = {RANKS}
cpus_per_rank = {CPUS - 1}
threads = 1
warm_start = {{ steps = 40 }}
iteration = {{ steps = 20 }}
[ray]
address = "auto"
dashboard = false
"""


def test_ranks_that_no_host_has_room_for_together_are_on_two_hosts(run: Observed) -> None:
    assert sorted(run.hosts_of("learner-rank").values()) == [1, 1]


def test_samplers_are_spread_over_all_hosts(run: Observed) -> None:
    assert sorted(run.hosts_of("sampler").values()) == [1, 1, 2]
    assert set(run.hosts_of("sampler")) == {host.name for host in (run.cluster.head, *run.cluster.workers)}


def test_hosts_that_do_not_see_the_runs_folder_have_the_policies_from_the_object_store(run: Observed) -> None:
    for worker in run.cluster.workers:
        assert worker.run(f"ls -A {run.cluster.hosts.shared}") == ""
        assert run.copies[worker.name]


def test_the_run_ends_with_every_rollout_once(run: Observed) -> None:
    assert not check_end(run.store.url, f"{STORAGE}/{run.folder.name}", iterations=ITERATIONS, lead=0)
