"""The places of the learner's ranks in a cluster of several nodes: a placement group, on one node if one has room."""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ray.util.placement_group import PlacementGroup, placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from cluster.config.hosts.host import Host
from cluster.config.hosts.layout import Demand, Layout, lay_out
from cluster.loop.placement.nodes import alive_hosts, expected_hosts, free_hosts
from cluster.loop.placement.waiting import is_pending, missing_now

log = logging.getLogger(__name__)

_PLACED_WITHIN_S = 10  # an integer, as Ray wants it
"""How long ranks wait for a node that had room for all of them, before they are placed apart."""
_REMOVED_WITHIN_S = 10.0
_REPORTED_WITHIN_S = 1.0  # what the nodes have free, after a change
_POLL_S = 0.1
_LOOK_EVERY_S = 10.0  # each look is a call of Ray for every rank
_NO_SAMPLERS = Demand("sampler", 0, 0)


class GroupedRanks:
    """A placement group with a bundle for each rank.

    Its strategy is STRICT_PACK where a node has room for all ranks, else PACK. A group that has lost a node is replaced
    before the ranks start again, because a new one may be placed better: Ray alone would only make good what was lost.
    """

    def __init__(self, demand: Demand, name: str, *, autoscales: bool = False, measured: Sequence[Host] = ()) -> None:
        """
        Args:
            demand: What the ranks take.
            name: The group's, for Ray's dashboard.
            autoscales: Whether hosts that the autoscaler may add count too.
            measured: Hosts whose memory is known.
        """
        self._demand = demand
        self._name = name
        self._autoscales = autoscales
        self._measured = tuple(measured)
        self._bundle = {key: amount for key, amount in (("CPU", demand.cpus), ("GPU", demand.gpus)) if amount}
        self._group: PlacementGroup | None = None
        self._looked_at = -math.inf
        self._found: str | None = None
        self._waits_for: str | None = None

    @property
    def nodes(self) -> tuple[str, ...]:
        """The ids of the ranks' nodes, by rank; empty while they have none."""
        table = self._table()
        if table.get("state") != "CREATED":
            return ()
        by_bundle = table["bundles_to_node_id"]
        return tuple(by_bundle[bundle] for bundle in sorted(by_bundle, key=int))

    def reserve(self, hosts: Sequence[Host], layout: Layout) -> None:
        """Reserve the places that a layout on these hosts gives the ranks, or others if they are taken meanwhile."""
        if not self._bundle:  # they request nothing
            return
        target = None if layout.rank_host is None else hosts[layout.rank_host]
        if target is not None:
            self._group = self._make("STRICT_PACK", target.node_id)
            if target.is_expected or self._group.wait(_PLACED_WITHIN_S):
                return
            log.warning("%s no longer has room for all ranks of the learner: they are placed apart", target.name)
            self._remove()
        self._group = self._make("PACK", None)
        self._group.wait(_PLACED_WITHIN_S)

    def strategy(self, rank: int) -> Any:
        """The rank's bundle."""
        if self._group is None:
            return "DEFAULT"
        return PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=rank)

    def renew(self) -> None:
        """Replace the group if it has not all its nodes."""
        self._found = self._waits_for = None
        alive = {host.node_id for host in alive_hosts()}
        if self._group is None or (self.nodes and alive.issuperset(self.nodes)):
            return
        log.warning("the learner's places are lost, and others are reserved: %s", self._table().get("state"))
        self._remove()
        time.sleep(_REPORTED_WITHIN_S)
        hosts = (*free_hosts(self._measured), *(expected_hosts(self._demand.count) if self._autoscales else ()))
        self.reserve(hosts, lay_out(hosts, self._demand, _NO_SAMPLERS))

    def release(self) -> None:
        """Remove the group."""
        if self._group is not None:
            remove_placement_group(self._group)
            self._group = None

    def waits_for(self, ranks: Sequence[Any]) -> str | None:
        """What the ranks wait for, None if they are placed, or could be at this moment. At most some seconds old."""
        now = time.monotonic()
        if now - self._looked_at > _LOOK_EVERY_S:
            self._looked_at, before = now, self._found
            self._found = self._look(ranks)
            self._waits_for = self._found if before is not None else None  # for a moment every new rank is pending
        return self._waits_for if ranks else None

    def _look(self, ranks: Sequence[Any]) -> str | None:
        waiting = [rank for rank, actor in enumerate(ranks) if is_pending(actor)]
        if not waiting or self.nodes:
            return None
        missing = missing_now(replace(self._demand, memory_bytes=0, gpu_memory_bytes=0))  # what Ray counts
        others = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        if missing is None and self._group is not None:
            missing = f"room for all {self._demand.count} ranks at once (see `ray status`)"
        return None if missing is None else f"learner rank {waiting[0]}{others} waits for {missing}"

    def _make(self, strategy: str, target: str | None) -> PlacementGroup:
        bundles = [self._bundle] * self._demand.count
        return placement_group(bundles, strategy=strategy, name=self._name, _soft_target_node_id=target)

    def _remove(self) -> None:
        """Remove the group and wait until its resources are free."""
        group, until = self._group, time.monotonic() + _REMOVED_WITHIN_S
        assert group is not None
        remove_placement_group(group)
        while placement_group_table(group).get("state") not in (None, "REMOVED") and time.monotonic() < until:
            time.sleep(_POLL_S)
        self._group = None

    def _table(self) -> dict[str, Any]:
        return {} if self._group is None else placement_group_table(self._group)
