"""The places of a run's actors: decided before they start, the learner's ranks before the samplers."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ray.util.placement_group import get_current_placement_group

from cluster.config.hosts.host import Cluster, Host
from cluster.config.hosts.layout import Demand, Layout, lay_out, lay_out_beside
from cluster.config.model_shapes import shape_of
from cluster.config.roles import bare_rank_demand, bare_sampler_demand, rank_demand, sampler_demand
from cluster.config.run_config import RunConfig
from cluster.loop.placement.nodes import expected_hosts, free_hosts
from cluster.loop.placement.ranks import GroupedRanks
from learner.ranks.places import BundlePlaces, RankPlaces

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunPlaces:
    """The places of the ranks, and the node of each sampler, None for one that has no room yet.

    Without `sampler_nodes` Ray places the samplers.
    """

    ranks: RankPlaces
    sampler_nodes: tuple[str | None, ...] | None = None


def place_run(run: RunConfig, name: str, cluster: Cluster | None = None) -> RunPlaces:
    """Reserve places for the ranks of a run called `name`, and choose those of its samplers beside them.

    With `cluster`, whose hosts were measured, memory counts as it does in the run's plan. On a single machine nothing
    is reserved: there is no choice, and a placement group costs time. In a trial of Tune the actors take the bundles of
    the trial's own group.
    """
    ranks, samplers = _demands(run, cluster)
    trial = get_current_placement_group()
    if trial is not None:
        return RunPlaces(BundlePlaces(trial, first=1 + samplers.count))  # bundle 0 is the driver's
    measured = () if cluster is None else cluster.hosts
    autoscales = run.ray.autoscaling is not False
    grouped = GroupedRanks(ranks, f"automathes/{name}/learner", autoscales=autoscales, measured=measured)
    if run.ray.address is None:
        return RunPlaces(grouped)
    hosts = (*free_hosts(measured), *(expected_hosts(ranks.count + samplers.count) if autoscales else ()))
    grows = run.ray.autoscaling or (cluster is not None and cluster.is_elastic)
    if len(hosts) == 1 and not grows:
        return RunPlaces(grouped)
    layout = lay_out(hosts, ranks, samplers)
    grouped.reserve(hosts, layout)
    if grouped.nodes:  # where Ray has put them, if it is not where they were to go
        positions = {host.node_id: position for position, host in enumerate(hosts)}
        layout = lay_out_beside(hosts, [positions.get(node) for node in grouped.nodes], ranks, samplers)
    _log(layout, hosts)
    nodes = [None if place is None else hosts[place].node_id for place in layout.samplers]
    return RunPlaces(grouped, tuple(nodes))


def _log(layout: Layout, hosts: Sequence[Host]) -> None:
    for what, places in (("learner rank", layout.ranks), ("sampler", layout.samplers)):
        for place, count in Counter(places).items():
            where = "waits for a host" if place is None else f"to {hosts[place].name}"
            log.info("%d %s%s: %s", count, what, "s" if count > 1 else "", where)


def _demands(run: RunConfig, cluster: Cluster | None) -> tuple[Demand, Demand]:
    """What a rank and a sampler take."""
    if cluster is None:
        return bare_rank_demand(run), bare_sampler_demand(run)
    shape = shape_of(run.base)
    return rank_demand(shape, run), sampler_demand(shape, run)
