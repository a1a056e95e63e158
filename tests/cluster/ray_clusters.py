"""Ray clusters of several nodes on this machine, each with a process of its own, and light actors that occupy them."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import cloudpickle
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray.cluster_utils import Cluster

from cluster.ray.starting import start_ray

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # Ray's workers cannot import the tests


@contextmanager
def cluster_of(*cpus: float) -> Iterator[Cluster]:
    """A cluster with a node for each number of processors, the head first. The driver is connected to it.

    The Ray that other tests share is started again afterwards, if it was there.
    """
    was_shared = ray.is_initialized()
    ray.shutdown()
    ensure_token_if_auth_enabled(None, create_token_if_missing=True)
    cluster = Cluster()
    try:
        for number in cpus:
            add_node(cluster, number)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        if was_shared:  # as in tests/conftest.py
            start_ray(num_cpus=4, include_dashboard=False, log_to_driver=False)


def add_node(cluster: Cluster, cpus: float) -> None:
    """Add a node with a process of its own."""
    cluster.add_node(num_cpus=cpus, num_gpus=0, include_dashboard=False, object_store_memory=80 << 20)


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
