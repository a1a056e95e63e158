"""The hosts of a cluster that a run joins, asked before it starts. What Ray does not count is measured on each host."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cluster.config.hosts.host import Cluster, Host, host_of
from cluster.config.machine import Machine, this_machine
from cluster.config.run_config import RaySettings, RunConfig
from cluster.loop.progress import NullProgress, Progress
from cluster.ray.nodes import call_on
from cluster.ray.session import ray_session
from sandbox.capacity import memory_bytes

log = logging.getLogger(__name__)

_MEASURED_WITHIN_S = 60.0
"""The limit for a task on each host. The first process there imports for seconds."""


@contextmanager
def joined(settings: RaySettings, progress: Progress | None = None) -> Iterator[None]:
    """Join the cluster for the time of the context, to ask for its hosts.

    Raises:
        RayUnavailableError: there is no Ray cluster at the address.
    """
    with ray_session(settings.model_copy(update={"dashboard": False}), progress or NullProgress()):
        yield


def read_cluster(config: RunConfig, progress: Progress | None = None) -> Cluster | None:
    """The cluster that a run joins, None if it starts Ray on this machine.

    Raises:
        RayUnavailableError: there is no Ray cluster at the address.
    """
    if config.ray.address is None:
        return None
    with joined(config.ray, progress):
        return cluster_here(config.ray, config.learner.num_ranks + config.sampler.num_samplers)


def cluster_here(settings: RaySettings, num_actors: int) -> Cluster:
    """The cluster that this process has joined, for so many ranks and samplers."""
    from cluster.loop.placement.nodes import alive_hosts, expected_hosts, may_add_unknown_hosts

    counted = alive_hosts()
    measured = on_each(counted, this_host)
    hosts = tuple(_completed(host, measured.get(host.name)) for host in counted)
    if settings.autoscaling is False:
        return Cluster(hosts)
    expected = expected_hosts(num_actors)
    return Cluster(
        hosts, expected, is_elastic=may_add_unknown_hosts() or (settings.autoscaling is True and not expected)
    )


def this_host() -> Host:
    """The host of this process: all of its memory, where a plan for this machine alone counts what is free now."""
    machine: Machine = this_machine()
    return host_of(replace(machine, memory_bytes=memory_bytes()))


def on_each(hosts: Sequence[Host], function: Callable[[], Any]) -> Mapping[str, Any]:
    """The results of a function that runs on each host, by host; of those that failed or were late there is none."""
    by_node = {host.node_id or "": host.name for host in hosts}
    results = {}
    for node, result in call_on(by_node, function, _MEASURED_WITHIN_S).items():
        if isinstance(result, Exception):
            log.warning("%s cannot be measured: %s", by_node[node], result)
        else:
            results[by_node[node]] = result
    return results


def _completed(counted: Host, measured: Host | None) -> Host:
    """What Ray counts of a host, with what was measured there: memory, and the GPUs' memory and type."""
    if measured is None:
        return counted
    has_gpus = counted.gpus > 0
    return replace(
        counted,
        memory_bytes=measured.memory_bytes,
        gpu_memory_bytes=measured.gpu_memory_bytes if has_gpus else None,
        gpu_type=measured.gpu_type if has_gpus and measured.gpu_type else counted.gpu_type,
    )
