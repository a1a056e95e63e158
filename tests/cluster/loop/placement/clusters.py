"""Ray clusters of several nodes on this machine, each with a process of its own, and light actors that occupy them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.cluster_utils import Cluster


@contextmanager
def cluster_of(*cpus: float) -> Iterator[Cluster]:
    """A cluster with a node for each number of processors, the head first. The driver is connected to it."""
    ray.shutdown()
    cluster = Cluster()
    try:
        for number in cpus:
            cluster.add_node(num_cpus=number, num_gpus=0, include_dashboard=False, object_store_memory=80 << 20)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()


def until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait until something holds, and fail if it does not in time."""
    end = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.2)


@ray.remote(num_cpus=0)
class Stand:
    """Stands in for a rank."""

    def node(self) -> str:
        """The id of its node."""
        return ray.get_runtime_context().get_node_id()


def nodes_of(actors: Any) -> list[str]:
    """The ids of the nodes that actors are on."""
    return ray.get([actor.node.remote() for actor in actors], timeout=60)
