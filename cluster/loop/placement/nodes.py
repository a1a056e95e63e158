"""The nodes of the Ray cluster as hosts: what each has, what is free of it, and what the autoscaler may add."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from cluster.config.hosts.host import Host

log = logging.getLogger(__name__)

_BOOTSTRAP = Path("~/ray_bootstrap_config.yaml")
"""What `ray up` leaves on the head for the autoscaler."""
_ACCELERATOR = "accelerator_type:"
_NODE_GROUP = "ray.io/node-group"


def alive_hosts() -> tuple[Host, ...]:
    """What the nodes that are alive have, by name."""
    import ray

    return hosts_of(ray.nodes())


def free_hosts(measured: Iterable[Host] = ()) -> tuple[Host, ...]:
    """The same nodes with what is free of their processors and GPUs. A change takes Ray a moment to report.

    The memory of those that were measured is what was found there.
    """
    from ray._private.state import available_resources_per_node

    free, known = available_resources_per_node(), {host.node_id: host for host in measured}
    return tuple(with_free(known.get(host.node_id, host), free.get(host.node_id or "", {})) for host in alive_hosts())


def hosts_of(nodes: Sequence[Mapping[str, Any]]) -> tuple[Host, ...]:
    """The hosts in `ray.nodes()`; where a machine runs several nodes, their ids are part of the names."""
    alive = [node for node in nodes if node["Alive"]]
    times = Counter(node["NodeManagerHostname"] for node in alive)
    hosts = [_host_of(node, is_only=times[node["NodeManagerHostname"]] == 1) for node in alive]
    return tuple(sorted(hosts, key=lambda host: host.name))


def with_free(host: Host, free: Mapping[str, float]) -> Host:
    """A host with what is free of it."""
    return replace(host, cpus=free.get("CPU", 0.0), gpus=free.get("GPU", 0.0))


def _host_of(node: Mapping[str, Any], *, is_only: bool) -> Host:
    has, host = node["Resources"], node["NodeManagerHostname"]
    kinds = [name.removeprefix(_ACCELERATOR) for name in has if name.startswith(_ACCELERATOR)]
    memory = has.get("memory", 0) + has.get("object_store_memory", 0)
    return Host(
        name=host if is_only else f"{host}/{node['NodeID'][:6]}",
        cpus=has.get("CPU", 0.0),
        memory_bytes=int(memory) or None,
        gpus=has.get("GPU", 0.0),
        gpu_type=" and ".join(kinds) or None,
        node_id=node["NodeID"],
    )


# ---------------------------------------------------------------- the autoscaler


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type of worker that the autoscaler may add; `most` is how many there may be, -1 without a limit."""

    name: str
    resources: Mapping[str, float]
    most: int


def expected_hosts(limit: int, bootstrap: Path = _BOOTSTRAP) -> tuple[Host, ...]:
    """Hosts that the autoscaler may add by its node types, at most `limit` of each; none where it tells no types."""
    return further_hosts(_node_types(bootstrap), _there(), limit)


def may_add_unknown_hosts(bootstrap: Path = _BOOTSTRAP) -> bool:
    """Whether the autoscaler may add hosts whose resources it does not tell: machines of one's own, for example."""
    there = _there()
    unknown = [kind for kind in _node_types(bootstrap) if not _is_known(kind)]
    return any(kind.most < 0 or there.total() < 1 + kind.most for kind in unknown)


def _node_types(bootstrap: Path) -> list[NodeType]:
    """The types in Ray's state, or those that `ray up` left on this machine if it is the head."""
    from ray._private.state import state

    config = state.get_cluster_config()
    groups = [] if config is None else config.node_group_configs
    found = [NodeType(group.name, dict(group.resources), group.max_count) for group in groups]
    return found or read_node_types(bootstrap)


def _there() -> Counter[str | None]:
    """The nodes that are alive, by type."""
    import ray

    return Counter(node.get("Labels", {}).get(_NODE_GROUP) for node in ray.nodes() if node["Alive"])


def _is_known(kind: NodeType) -> bool:
    return bool(kind.resources.get("CPU") or kind.resources.get("GPU"))


def read_node_types(bootstrap: Path) -> list[NodeType]:
    """The types of workers in a configuration of `ray up`; the head's only if it says how many workers may be of it."""
    try:
        config = yaml.safe_load(bootstrap.expanduser().read_text())
        most = int(config.get("max_workers", 0))
        return [
            NodeType(name, kind.get("resources") or {}, min(int(kind.get("max_workers", most)), most))
            for name, kind in config["available_node_types"].items()
            if name != config.get("head_node_type") or kind.get("max_workers")
        ]
    except FileNotFoundError:
        return []
    except (OSError, yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError) as error:
        log.warning("the autoscaler's node types in %s cannot be read: %r", bootstrap, error)
        return []


def further_hosts(types: Sequence[NodeType], there: Mapping[str | None, int], limit: int) -> tuple[Host, ...]:
    """The hosts of these types that are not there yet, at most `limit` of each."""
    return tuple(
        Host(
            name=f"{kind.name} (expected)",
            cpus=float(kind.resources.get("CPU", 0)),
            gpus=float(kind.resources.get("GPU", 0)),
            is_expected=True,
        )
        for kind in types
        for _ in range(min(limit, limit if kind.most < 0 else kind.most - there.get(kind.name, 0)))
        if _is_known(kind)
    )
