"""Actors that Ray has not placed yet, and the resources that they wait for."""

from collections.abc import Sequence
from typing import Any

from ray._private.state import actors as actor_table

from cluster.config.hosts.host import Host, amounts, largest
from cluster.config.hosts.layout import Demand, capacity
from cluster.loop.placement.nodes import alive_hosts, free_hosts

_NOT_ALIVE = ("DEPENDENCIES_UNREADY", "PENDING_CREATION", "RESTARTING")
_SHOWN = 3


def is_pending(actor: Any) -> bool:
    """Whether an actor has no process yet, so that it waits for resources or for its process to be created."""
    entry = actor_table(actor._actor_id.hex()) or {}
    return entry.get("State") in _NOT_ALIVE and not entry.get("Pid")


def node_of(actor: Any) -> str | None:
    """The id of the node that an actor is on, None while it has no process."""
    entry = actor_table(actor._actor_id.hex()) or {}
    return entry["Address"]["NodeID"] if entry.get("State") == "ALIVE" else None


def missing_now(demand: Demand) -> str | None:
    """What the actors of `demand` wait for at this moment, None if the cluster has room for one."""
    return missing_resources(demand, alive_hosts(), free_hosts())


def missing_resources(demand: Demand, hosts: Sequence[Host], free: Sequence[Host]) -> str | None:
    """What is missing for one of the actors, with the numbers: on hosts that have this much, and this much free.

    None if a host has room for it.
    """
    if any(capacity(host, demand) for host in free):
        return None
    need = amounts(demand.gpus, demand.cpus)
    able = [host for host in hosts if capacity(host, demand)]
    if not able:
        most = largest(hosts) if hosts else None
        has = "it has none" if most is None else f"the largest, {most.name}, has {amounts(most.gpus, most.cpus)}"
        return f"{need} on one host, which no host of the cluster has ({has})"
    left = {host.node_id: host for host in free}
    found = [_free_of(host, left[host.node_id], with_gpus=demand.gpus > 0) for host in able if host.node_id in left]
    more = f" and {len(found) - _SHOWN} hosts more" if len(found) > _SHOWN else ""
    return f"{need} on one host; free are {', '.join(found[:_SHOWN])}{more} (see `ray status`)"


def _free_of(host: Host, free: Host, *, with_gpus: bool) -> str:
    gpus = f"{free.gpus:g} of {host.gpus:g} GPUs and " if with_gpus else ""
    return f"{gpus}{free.cpus:g} of {host.cpus:g} processors of {host.name}"
