"""RLlib's group of samplers, with a name and a place for each."""

from collections import Counter
from pathlib import Path
from typing import Any

from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.util.placement_group import get_current_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from cluster.config.hosts.layout import Demand, place_more
from cluster.loop.placement.names import ActorNames
from cluster.loop.placement.nodes import free_hosts
from cluster.loop.placement.waiting import node_of


class SamplerGroup(EnvRunnerGroup):
    """Samplers that go to nodes of their own as far as there are enough.

    A sampler prefers its node and is bound to nothing: one that Ray starts again, because it died or its node did,
    takes any node with room if its own has none.

    RLlib's configuration object must have `run_folder`, which names the actors. It may have `sampler_nodes`, the nodes
    of the first ones (see `RunPlaces`).
    """

    _remote_args: dict[str, Any]

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        self._names = ActorNames(Path(config.run_folder).name)
        self._places = [_on(node) for node in getattr(config, "sampler_nodes", None) or ()]
        super().__init__(config=config, **kwargs)

    @property
    def demand(self) -> Demand:
        """What a sampler requests from Ray."""
        config = self._remote_config
        return Demand("sampler", 1, config.num_cpus_per_env_runner, config.num_gpus_per_env_runner)

    def add_workers(self, num_workers: int, validate: bool = False) -> None:
        """Add samplers, on the nodes with the fewest of them."""
        if len(self._places) < num_workers:
            self._places += self._further(num_workers - len(self._places))
        super().add_workers(num_workers, validate)

    def _make_worker(self, *, worker_index: int, **kwargs: Any) -> Any:
        """RLlib passes `_remote_args` to `ray.remote`: a sampler's own options are added to them."""
        stock = self._remote_args
        self._remote_args = {**stock, **self._names.options(f"sampler-{worker_index}"), **self._places.pop(0)}
        try:
            return super()._make_worker(worker_index=worker_index, **kwargs)
        finally:
            self._remote_args = stock

    def _further(self, count: int) -> list[dict[str, Any]]:
        """Ray's options for the places of more samplers, by what is free and where the others are."""
        if get_current_placement_group() is not None:  # a trial of Tune, which has a bundle for each
            return [{}] * count
        hosts = free_hosts()
        if len(hosts) == 1:
            return [{}] * count
        there = Counter(node_of(actor) for actor in self._worker_manager.actors().values())
        demand = Demand("sampler", count, self.demand.cpus, self.demand.gpus)
        places = place_more(hosts, demand, [there[host.node_id] for host in hosts])
        return [_on(None if place is None else hosts[place].node_id) for place in places]


def _on(node: str | None) -> dict[str, Any]:
    """Ray's option for a sampler that should go to a node; None: to any that has room one day."""
    if node is None:
        return {"scheduling_strategy": "SPREAD"}
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=True, _spill_on_unavailable=True)}
