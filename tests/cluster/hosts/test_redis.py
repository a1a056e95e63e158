"""A head that keeps its state in Redis: it is lost and comes back, and the other hosts are still there."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store.records import Purpose
from store.store import Store
from tests.chaos.checks.invariants import check_end
from tests.store.postgresql_server import PostgresqlServer, find_binaries

from .cluster import Cluster, wait_until
from .hosts import MACHINE_ADDRESS, NETWORK, Host, Hosts, missing
from .run import ITERATION_S, ITERATIONS, START_S, Run, config_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(missing() is not None, reason=f"hosts need {missing()}"),
    pytest.mark.skipif(find_binaries() is None, reason="a cluster's store needs a PostgreSQL server"),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed"),
]

REDIS, PASSWORD = f"{MACHINE_ADDRESS}:6380", "password-of-the-test"


@contextmanager
def redis_server() -> Iterator[None]:
    address, _, port = REDIS.partition(":")
    words = ["redis-server", "--bind", address, "--port", port, "--requirepass", PASSWORD, "--save", ""]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def cluster(hosts_folder: Path) -> Iterator[Cluster]:
    with Hosts(hosts_folder) as hosts, redis_server():
        desk, head, *workers = (hosts.add(number) for number in range(4))
        cluster = Cluster(hosts, desk, head, workers)
        start_head(cluster)
        for worker in workers:
            cluster.join(worker)
        yield cluster


def start_head(cluster: Cluster) -> None:
    cluster.give_token(cluster.head)
    start = f"ray start --head --port=6379 --redis-password={PASSWORD}"
    cluster.on(cluster.head, f"RAY_AUTH_MODE=token RAY_REDIS_ADDRESS={REDIS} .venv/bin/{start}")


def ray_of(host: Host) -> set[int]:
    return {pid for pid, command in host.processes().items() if "raylet/raylet" in command}


def test_the_other_hosts_outlive_the_head_and_the_run_goes_on(cluster: Cluster) -> None:
    with PostgresqlServer(f"-c listen_addresses={MACHINE_ADDRESS}", network=NETWORK) as server:
        server.create_database("run")
        run = Run(cluster, f"postgresql://automathes@{MACHINE_ADDRESS}/run")
        with Store.open(run.url) as store:
            run.store = store
            lose_the_head(cluster, run)
        assert not check_end(run.url, run.folder, iterations=ITERATIONS, lead=1)


def lose_the_head(cluster: Cluster, run: Run) -> None:
    """In the middle of a run, and bring the head and the run back."""
    nodes, raylets = cluster.nodes(), [ray_of(worker) for worker in cluster.workers]
    run.start("--config", str(config_file(cluster.hosts.shared, run.url)))
    run.wait(lambda: run.rollouts() > 0, "the first rollout", START_S)
    before = {rollout.id for rollout in run.store.rollouts.iterate(purpose=Purpose.TRAIN)}

    cluster.hosts.kill(cluster.head)
    cluster.head = cluster.hosts.add(1)
    start_head(cluster)
    wait_until(lambda: nodes.keys() == cluster.alive(), "all hosts", 120.0, lambda: str(cluster.nodes()))
    names = [worker.name for worker in cluster.workers]
    assert [cluster.nodes()[name] for name in names] == [nodes[name] for name in names]
    assert [ray_of(worker) for worker in cluster.workers] == raylets

    run.start("--resume", "--run", str(run.folder))
    run.wait_for_end(3 * ITERATION_S)
    assert before <= {rollout.id for rollout in run.store.rollouts.iterate(purpose=Purpose.TRAIN)}
