"""A real `ray up` on three hosts, and a run on them through what happens to machines: cut off, killed, added.

One run serves all tests of this module, which follow each other: the head is killed in the end and comes back.
"""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.records import Purpose
from store.runs.run_state import ActualState
from store.store import Store
from tests.chaos.checks.invariants import check_end
from tests.store.postgresql_server import PostgresqlServer, find_binaries

from .cluster import Cluster, wait_until
from .hosts import MACHINE_ADDRESS, NETWORK, Hosts, missing
from .run import ITERATION_S, ITERATIONS, START_S, Run, config_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(missing() is not None, reason=f"hosts need {missing()}"),
    pytest.mark.skipif(find_binaries() is None, reason="a cluster's store needs a PostgreSQL server"),
]

DOWN_S = 240.0  # workers end after they have missed the head for 60 s


@pytest.fixture(scope="module")
def hosts(hosts_folder: Path) -> Iterator[Hosts]:
    with Hosts(hosts_folder) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def store_url(hosts: Hosts) -> Iterator[str]:
    with PostgresqlServer(f"-c listen_addresses={MACHINE_ADDRESS}", network=NETWORK) as server:
        server.create_database("run")
        yield f"postgresql://automathes@{MACHINE_ADDRESS}/run"


@pytest.fixture(scope="module")
def cluster(hosts: Hosts) -> Cluster:
    desk, head, *workers = (hosts.add(number) for number in range(4))
    return Cluster(hosts, desk, head, workers)


@pytest.fixture(scope="module")
def run(cluster: Cluster, store_url: str) -> Iterator[Run]:
    run = Run(cluster, store_url)
    with Store.open(store_url) as store:
        run.store = store
        yield run


def test_ray_up_brings_all_hosts_up(cluster: Cluster) -> None:
    cluster.up()
    names = {host.name for host in (cluster.head, *cluster.workers)}
    wait_until(lambda: cluster.alive() == names, f"{names}", 300.0, lambda: str(cluster.alive()))


def test_a_submitted_run_has_samplers_on_all_hosts(cluster: Cluster, run: Run, store_url: str) -> None:
    run.start("--config", str(config_file(cluster.hosts.shared, store_url)))
    run.wait(lambda: run.rollouts() > 0, "the first rollout", START_S)
    names = {host.name for host in (cluster.head, *cluster.workers)}
    run.wait(lambda: {sampler.host for sampler in run.store.samplers.all()} == names, "samplers on all hosts", START_S)


def test_a_host_that_is_cut_off_delays_nobody_and_comes_back(cluster: Cluster, run: Run) -> None:
    cut = cluster.workers[-1]
    cluster.hosts.cut(cut)
    before = run.rollouts()
    run.wait(lambda: run.rollouts() > before + 50, "rollouts of the others")
    cluster.hosts.heal(cut)


def test_a_run_is_paused_and_resumed_from_another_host(cluster: Cluster, run: Run) -> None:
    token = secrets.token_hex(16)
    serve = f".venv/bin/automathes api --runs {run.runs} --host 0.0.0.0"
    cluster.on(cluster.head, f"{{ AUTOMATHES_TOKEN={token} nohup {serve} > ~/api.txt 2>&1 < /dev/null & }}")
    request = f"curl -fsS --retry 30 --retry-connrefused --retry-delay 1 -H 'Authorization: Bearer {token}' -X POST"
    url = f"http://{cluster.head.address}:8267/runs/demo-1"
    cluster.on(cluster.desk, f"{request} {url}/pause")
    run.wait(lambda: run.store.run.state().actual is ActualState.PAUSED, "the pause")
    before = run.rollouts()
    time.sleep(5.0)
    assert run.rollouts() == before
    cluster.on(cluster.desk, f"{request} {url}/resume")
    run.wait(lambda: run.rollouts() > before, "rollouts after the pause")


def test_a_host_that_is_killed_is_replaced_by_a_new_one(cluster: Cluster, run: Run) -> None:
    lost = cluster.workers[0]
    cluster.hosts.kill(lost)
    cluster.workers = [cluster.hosts.add(4), *cluster.workers[1:]]
    cluster.join(cluster.workers[0])
    wait_until(lambda: cluster.workers[0].name in cluster.alive(), "the new host", 300.0)
    before = run.rollouts()
    run.wait(lambda: run.rollouts() > before + 50, "rollouts after that")


def test_after_the_loss_of_the_head_the_run_is_resumed(cluster: Cluster, run: Run) -> None:
    run.wait(lambda: run.store.policies.require_latest().iteration >= 1, "the first iteration")
    before = {rollout.id for rollout in run.store.rollouts.iterate(purpose=Purpose.TRAIN)}
    assert run.store.run.state().actual is ActualState.RUNNING, "the run was over before its head was lost"
    cluster.hosts.kill(cluster.head)
    cluster.head = cluster.hosts.add(1)
    cluster.up()
    run.start("--resume", "--run", str(run.folder))
    run.wait(lambda: run.store.run.state().actual is ActualState.RUNNING, "the driver", START_S)
    run.wait_for_end(3 * ITERATION_S)
    assert before <= {rollout.id for rollout in run.store.rollouts.iterate(purpose=Purpose.TRAIN)}


def test_every_rollout_is_there_once(run: Run) -> None:
    assert not check_end(run.url, run.folder, iterations=ITERATIONS, lead=1)


def test_ray_down_leaves_no_process(cluster: Cluster) -> None:
    assert any(cluster.ray_processes().values())
    cluster.down()
    left = cluster.ray_processes
    wait_until(lambda: not any(left().values()), "the end of all", DOWN_S, lambda: str(left()))
