"""Places in real Ray clusters of several nodes on this machine. Light actors stand in for ranks and samplers: engines
would not change where Ray puts them.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import cloudpickle
from ray.cluster_utils import Cluster
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.env.env_runner import EnvRunner
from ray.util.placement_group import placement_group_table
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.config.hosts.layout import Demand
from cluster.config.loading import load_config
from cluster.config.plan import DoesNotFitError, plan_run
from cluster.config.run_config import RunConfig
from cluster.loop.placement.nodes import alive_hosts, free_hosts
from cluster.loop.placement.places import RunPlaces, place_run
from cluster.loop.placement.samplers import SamplerGroup
from cluster.loop.placement.waiting import missing_now, node_of
from cluster.ray.hosts import cluster_here

from ...ray_clusters import Stand, add_node, cluster_of, nodes_of, until

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Ray's workers cannot import the tests
pytestmark = pytest.mark.timeout(300)

CPUS = (4, 4, 4)


class StandIn(EnvRunner):
    """Stands in for a sampler."""

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)

    def assert_healthy(self) -> None:
        pass

    def get_spaces(self) -> dict[str, Any]:
        return {}

    def sample(self, **_: Any) -> str:
        return ray.get_runtime_context().get_node_id()

    def stop(self) -> None:
        pass


def run_with(samplers: int, ranks: int, **settings: float) -> RunConfig:
    """A run whose ranks and samplers reserve a processor each."""
    given = {"sampler.num_samplers": samplers, "learner.num_ranks": ranks, "sampler.cpus_per_sampler": 1} | settings
    return load_config("demo", None, ["ray.address=auto", *(f"{key}={value}" for key, value in given.items())])


def start_ranks(run: RunConfig, places: RunPlaces) -> list[Any]:
    options = {"num_cpus": run.learner.cpus_per_rank, "max_restarts": 0}
    return [
        Stand.options(**options, scheduling_strategy=places.ranks.strategy(rank)).remote()
        for rank in range(run.learner.num_ranks)
    ]


def start_samplers(run: RunConfig, places: RunPlaces) -> SamplerGroup:
    config = AlgorithmConfig().env_runners(
        env_runner_cls=StandIn,
        num_env_runners=run.sampler.num_samplers,
        num_cpus_per_env_runner=run.sampler.reserved_cpus,
        create_local_env_runner=False,
        validate_env_runners_after_construction=False,
    )
    config.fault_tolerance(restart_failed_env_runners=True)
    config.run_folder, config.sampler_nodes = "/runs/demo-1", places.sampler_nodes
    return SamplerGroup(config=config, local_env_runner=False)


def nodes_of_samplers(group: SamplerGroup) -> list[str | None]:
    actors = group._worker_manager.actors()
    return [node_of(actors[sampler]) for sampler in sorted(actors)]


@pytest.mark.slow
def test_a_group_that_waits_for_a_lost_node_is_replaced_once_there_is_room() -> None:
    with cluster_of(1, 4) as cluster:
        run = run_with(samplers=1, ranks=2, **{"learner.cpus_per_rank": 2})
        places = place_run(run, "demo-1")
        ranks = start_ranks(run, places)
        assert len(set(nodes_of(ranks))) == 1
        cluster.remove_node(cluster.worker_nodes.copy().pop(), allow_graceful=False)
        until(lambda: len(alive_hosts()) == 1)
        before = places.ranks._group  # type: ignore[attr-defined]
        assert places.ranks.waits_for(ranks) is None, "the ranks are dead, and wait for nothing"

        add_node(cluster, 4)
        until(lambda: len(alive_hosts()) == 2)
        places.ranks.renew()

        after = places.ranks._group  # type: ignore[attr-defined]
        assert after == before or placement_group_table(before)["state"] == "REMOVED"
        assert len(set(nodes_of(start_ranks(run, places)))) == 1
        places.ranks.release()


@pytest.fixture(scope="module")
def shared() -> Iterator[Cluster]:
    with cluster_of(*CPUS) as cluster:
        yield cluster


@pytest.fixture
def three(shared: Cluster) -> Cluster:
    """Three nodes of four processors, none of which is in use."""
    while len(shared.list_all_nodes()) < len(CPUS):
        add_node(shared, CPUS[-1])
    until(lambda: [host.cpus for host in free_hosts()] == [*CPUS])
    return shared


def test_two_ranks_are_on_one_node_and_four_samplers_on_three(three: Cluster) -> None:
    run = run_with(samplers=4, ranks=2, **{"learner.cpus_per_rank": 2})
    places = place_run(run, "demo-1")
    samplers = start_samplers(run, places)
    ranks = start_ranks(run, places)

    (together,) = set(nodes_of(ranks))
    until(lambda: all(nodes_of_samplers(samplers)))
    found = nodes_of_samplers(samplers)
    assert found == list(places.sampler_nodes or ())
    assert sorted(Counter(found).values()) == [2, 2], "the learner fills its node"
    assert together not in found
    samplers.stop()
    places.ranks.release()


@pytest.mark.slow
def test_four_samplers_are_spread_over_three_nodes_beside_a_small_learner(three: Cluster) -> None:
    run = run_with(samplers=4, ranks=1, **{"learner.cpus_per_rank": 1})
    places = place_run(run, "demo-1")
    samplers = start_samplers(run, places)

    until(lambda: all(nodes_of_samplers(samplers)))
    assert sorted(Counter(nodes_of_samplers(samplers)).values()) == [1, 1, 2]
    names = [name["name"] for name in ray.util.list_named_actors(all_namespaces=True)]
    assert sorted(names) == [f"automathes/demo-1/sampler-{number}" for number in range(1, 5)]
    samplers.stop()
    places.ranks.release()


def test_ranks_that_no_node_has_room_for_together_are_packed(three: Cluster) -> None:
    run = run_with(samplers=1, ranks=2, **{"learner.cpus_per_rank": 3})
    places = place_run(run, "demo-1")

    assert len(set(nodes_of(start_ranks(run, places)))) == 2
    places.ranks.release()


def test_samplers_that_are_added_go_to_the_nodes_with_the_fewest(three: Cluster) -> None:
    run = run_with(samplers=2, ranks=1, **{"learner.cpus_per_rank": 1})
    places = place_run(run, "demo-1")
    samplers = start_samplers(run, places)
    until(lambda: all(nodes_of_samplers(samplers)))
    until(lambda: sum(host.cpus for host in free_hosts()) == 12 - 3)

    samplers.add_workers(1)

    until(lambda: all(nodes_of_samplers(samplers)))
    assert len(set(nodes_of_samplers(samplers))) == 3
    samplers.stop()
    places.ranks.release()


def test_a_sampler_whose_node_is_lost_starts_elsewhere(three: Cluster) -> None:
    run = run_with(samplers=3, ranks=1, **{"learner.cpus_per_rank": 1})
    places = place_run(run, "demo-1")
    samplers = start_samplers(run, places)
    until(lambda: all(nodes_of_samplers(samplers)))
    assert len(set(nodes_of_samplers(samplers))) == 3

    lost = three.worker_nodes.copy().pop()
    three.remove_node(lost, allow_graceful=False)

    until(lambda: not {None, lost.node_id} & set(nodes_of_samplers(samplers)), within_s=120)
    actors = samplers._worker_manager.actors()
    assert lost.node_id not in ray.get([actor.sample.remote() for actor in actors.values()], timeout=120)
    samplers.stop()
    places.ranks.release()


def test_ranks_whose_node_is_lost_get_another_one(three: Cluster) -> None:
    run = run_with(samplers=1, ranks=2, **{"learner.cpus_per_rank": 2})
    places = place_run(run, "demo-1")
    (together,) = set(nodes_of(start_ranks(run, places)))
    lost = next((node for node in three.worker_nodes if node.node_id == together), None)
    if lost is None:  # the learner is on the head, which cannot be removed: occupy it, and place the learner anew
        places.ranks.release()
        head = Stand.options(
            num_cpus=4, scheduling_strategy=NodeAffinitySchedulingStrategy(together, soft=False)
        ).remote()
        assert nodes_of([head]) == [together]
        until(lambda: any(host.node_id == together and not host.cpus for host in free_hosts()))
        places = place_run(run, "demo-1")
        (together,) = set(nodes_of(start_ranks(run, places)))
        lost = next(node for node in three.worker_nodes if node.node_id == together)

    three.remove_node(lost, allow_graceful=False)
    until(lambda: together not in [host.node_id for host in alive_hosts()])
    places.ranks.renew()

    (other,) = set(nodes_of(start_ranks(run, places)))
    assert other != together
    places.ranks.release()


def test_ranks_without_room_say_what_is_missing(three: Cluster) -> None:
    held = [Stand.options(num_cpus=3, scheduling_strategy="SPREAD").remote() for _ in CPUS]
    assert len(set(nodes_of(held))) == len(CPUS)
    until(lambda: sum(host.cpus for host in free_hosts()) == len(CPUS))
    run = run_with(samplers=1, ranks=1, **{"learner.cpus_per_rank": 2})
    places = place_run(run, "demo-1")
    ranks = start_ranks(run, places)

    assert places.ranks.waits_for(ranks) is None, "every new rank is pending for a moment"
    until(lambda: places.ranks.waits_for(ranks) is not None)
    waits = places.ranks.waits_for(ranks)
    assert waits is not None
    assert waits.startswith("learner rank 0 waits for 2 processors on one host; free are 1 of 4 processors of ")
    assert missing_now(Demand("sampler", 1, 1)) is None
    places.ranks.release()


def test_what_can_never_fit_is_refused_with_the_numbers(three: Cluster) -> None:
    run = run_with(samplers=2, ranks=1, **{"sampler.sandbox_cpus": 7})

    plan = plan_run(run, Path(), cluster=cluster_here(run.ray, 3))

    with pytest.raises(DoesNotFitError, match=r"a sampler needs 8 processors.*the largest host, .*has 4 processors"):
        plan.require_fit()


def test_every_host_is_measured_by_a_task_there(three: Cluster) -> None:
    found = cluster_here(run_with(1, 1).ray, 2)

    assert [host.cpus for host in found.hosts] == [4, 4, 4]
    assert len({host.name for host in found.hosts}) == 3
    assert all(host.memory_bytes for host in found.hosts)
    assert found.expected == ()
