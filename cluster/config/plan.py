"""Plan a run before it starts: GPUs, memory by part, disk, where everything goes, and whether there is enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cluster.config.hosts.host import Cluster, Host, host_of
from cluster.config.hosts.layout import Demand, Layout, lay_out
from cluster.config.machine import Machine, this_machine
from cluster.config.memory import GIB, format_bytes, offloaded_bytes
from cluster.config.model_shapes import ModelShape, shape_of
from cluster.config.roles import (
    Role,
    copied_bytes,
    learner_role,
    precision_of,
    rank_demand,
    sampler_demand,
    sampler_role,
    state_bytes,
    training_of,
)
from cluster.config.run_config import RunConfig
from cluster.config.shortfalls import missing_room, missing_totals, too_small

_STORE_BYTES = GIB
"""Allowance for the store and the logs of a run."""
_STATES_KEPT = 3
"""Checkpoints of a training on disk at the same time: the last two, and the next one while it is being written."""


class DoesNotFitError(RuntimeError):
    """The run needs more than there is. The message gives the numbers and possible remedies."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run needs and what there is. `shortfalls` are messages; the run fits if there are none.

    `hosts` are those of the cluster that it joins, those that the autoscaler may add last, or this machine alone.
    `layout` has the place of each rank and sampler on them. `notes` say what was not checked, or is waited for.
    """

    shape: ModelShape
    roles: tuple[Role, ...]
    gpus_needed: int
    host_bytes: int
    disk_bytes: int
    machine: Machine
    hosts: tuple[Host, ...]
    is_cluster: bool
    layout: Layout
    shortfalls: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def require_fit(self) -> None:
        """Raise `DoesNotFitError` if there is a shortfall."""
        if self.shortfalls:
            where = "in this cluster" if self.is_cluster else "on this machine"
            raise DoesNotFitError(f"the run does not fit {where}. " + "; ".join(self.shortfalls))

    @property
    def fits(self) -> bool:
        """Whether there is everything that the run needs."""
        return not self.shortfalls


def plan_run(config: RunConfig, folder: Path, machine: Machine | None = None, cluster: Cluster | None = None) -> Plan:
    """Plan the run of `config`, with its files in `folder`, on `machine` (default: this one) or in a cluster.

    Raises:
        UnknownModelError: the base model's sizes cannot be determined without a download.
        ShapeError: its config.json lacks a size.
    """
    machine = machine or this_machine(folder)
    hosts = (host_of(machine),) if cluster is None else (*cluster.hosts, *cluster.expected)
    shape = shape_of(config.base)
    ranks, samplers = rank_demand(shape, config), sampler_demand(shape, config)
    if cluster is None:  # the memory of one machine is checked as a whole
        ranks, samplers = (replace(one, memory_bytes=0, gpu_memory_bytes=0) for one in (ranks, samplers))
    layout = lay_out(hosts, ranks, samplers)
    roles = (
        learner_role(shape, config, _gpu_bytes(hosts, layout.ranks)),
        sampler_role(shape, config, _gpu_bytes(hosts, layout.samplers)),
    )
    plan = Plan(
        shape=shape,
        roles=roles,
        gpus_needed=math.ceil(round(sum(role.devices * role.gpus_each for role in roles), 6)),
        host_bytes=_host_bytes(shape, config, *roles),
        disk_bytes=_disk_bytes(shape, config),
        machine=machine,
        hosts=hosts,
        is_cluster=cluster is not None,
        layout=layout,
    )
    return _with_findings(plan, ranks, samplers, cluster)


def _gpu_bytes(hosts: Sequence[Host], places: Sequence[int | None]) -> int | None:
    """The memory of the smallest GPU of the hosts in these places, or of the largest GPU if not all have a place."""
    sizes = [host.gpu_memory_bytes for host in hosts if host.gpu_memory_bytes is not None]
    if None in places:
        return max(sizes, default=None)
    used = [hosts[place].gpu_memory_bytes for place in places if place is not None]
    return min((size for size in used if size is not None), default=None)


# ---------------------------------------------------------------- host memory and disk


def _host_bytes(shape: ModelShape, config: RunConfig, *roles: Role) -> int:
    """Everything that is not on a GPU, and the largest copy that the learner makes."""
    training = training_of(config.learner)
    offloaded = training.num_ranks * offloaded_bytes(shape, training)
    return sum(role.devices * role.host_bytes for role in roles) + offloaded + copied_bytes(shape, config)


def _disk_bytes(shape: ModelShape, config: RunConfig) -> int:
    """The policies of the base, the warm start and every iteration, the learner's states and the store."""
    precision = precision_of(config.learner)
    if config.storage.url is not None:  # copies of the loaded policy and the next one, and what is being uploaded
        return 2 * shape.weights_bytes(precision) + state_bytes(shape, precision) + _STORE_BYTES
    policies = (config.iteration.count + 2) * shape.weights_bytes(precision)
    return policies + _STATES_KEPT * state_bytes(shape, precision) + _STORE_BYTES


# ---------------------------------------------------------------- findings


def _with_findings(plan: Plan, ranks: Demand, samplers: Demand, cluster: Cluster | None) -> Plan:
    """The plan with its shortfalls and notes."""
    found, notes = [too_small(role) for role in plan.roles if role.is_too_large], []
    if cluster is None:
        found = [*missing_totals(plan.roles, plan.hosts[0], plan.gpus_needed, ranks, samplers), *found]
        if plan.host_bytes > plan.machine.memory_bytes:
            found.append(
                f"host memory: {format_bytes(plan.host_bytes)} needed, {format_bytes(plan.machine.memory_bytes)} "
                "available: use fewer samplers or ranks, a smaller sampler.engine.cpu_kv_cache_gib or "
                "micro_batch_tokens, or learner.checkpoint_in_background = false"
            )
    else:
        missing = [] if found else missing_room(plan.hosts, plan.layout, ranks, samplers)
        if cluster.is_elastic:
            notes += [f"waits for the autoscaler: {what}" for what in missing]
        else:
            found += missing
        notes += _not_there_yet(plan)
        notes += [
            f"the memory of the GPUs of {host.name} is not known, and was not checked"
            for host in plan.hosts
            if host.gpus and host.gpu_memory_bytes is None and plan.gpus_needed
        ]
    if plan.disk_bytes > plan.machine.disk_bytes:
        found.append(
            f"disk: {format_bytes(plan.disk_bytes)} needed, {format_bytes(plan.machine.disk_bytes)} free: "
            "put the run on a larger disk"
        )
    return replace(plan, shortfalls=tuple(found), notes=tuple(notes))


def _not_there_yet(plan: Plan) -> list[str]:
    """What goes to hosts that the autoscaler has still to add."""
    expected = {place for place, host in enumerate(plan.hosts) if host.is_expected}
    count = sum(place in expected for place in (*plan.layout.ranks, *plan.layout.samplers))
    return (
        [f"waits for the autoscaler: {count} ranks and samplers go to hosts that it has still to add"] if count else []
    )
