"""What a run lacks, in words: each message has what is needed, what there is, and where possible a remedy."""

from collections.abc import Iterable, Sequence

from cluster.config.hosts.host import Host, amounts, describe, largest
from cluster.config.hosts.layout import Demand, Layout, capacity
from cluster.config.memory import format_bytes
from cluster.config.roles import Role


def missing_totals(roles: Iterable[Role], host: Host, gpus_needed: int, ranks: Demand, samplers: Demand) -> list[str]:
    """GPUs and processors that a single machine lacks."""
    found = []
    if gpus_needed > host.gpus:
        parts = ", ".join(f"{role.devices * role.gpus_each:g} for {role.name}s" for role in roles if role.on_gpu)
        found.append(f"GPUs: {gpus_needed} needed ({parts}), {host.gpus:g} present")
    cpus = {demand.name: demand.count * demand.cpus for demand in (ranks, samplers)}
    if sum(cpus.values()) > host.cpus:
        parts = ", ".join(f"{amount:g} for {name}s" for name, amount in cpus.items())
        found.append(
            f"processors: {sum(cpus.values()):g} needed ({parts}), {host.cpus:g} present: use fewer samplers or ranks, "
            "or reserve less (sampler.cpus_per_sampler, sampler.sandbox_cpus, learner.cpus_per_rank)"
        )
    return found


def missing_room(hosts: Sequence[Host], layout: Layout, ranks: Demand, samplers: Demand) -> list[str]:
    """Ranks and samplers that have no place on the hosts of a cluster, with what they need and what there is."""
    found = []
    for demand, places in ((ranks, layout.ranks), (samplers, layout.samplers)):
        if None not in places:
            continue
        need = _need(demand)
        if not any(capacity(host, demand) for host in hosts):
            found.append(f"a {demand.name} needs {need} on one host; {_largest(hosts)}")
        else:
            placed = len(places) - places.count(None)
            found.append(
                f"{demand.count} {demand.name}s need {need} each; the hosts have room for {placed}"
                f"{' beside the learner' if demand is samplers else ''}; {_largest(hosts)}"
            )
    return found


def _need(demand: Demand) -> str:
    return amounts(demand.gpus, demand.cpus, demand.gpu_memory_bytes, demand.memory_bytes, least="at least ")


def _largest(hosts: Sequence[Host]) -> str:
    if not hosts:
        return "the cluster has no host"
    return f"the largest host, {largest(hosts).name}, has {describe(largest(hosts))}"


def too_small(role: Role) -> str:
    """A role whose memory exceeds what it may use of a GPU."""
    remedy = {
        "learner rank": "raise num_ranks, set zero_stage 3 or gradient_checkpointing, or lower micro_batch_tokens",
        "sampler": "raise sampler.engine.tensor_parallel or lower max_model_len",
    }[role.name]
    assert role.budget_bytes is not None
    need, budget = format_bytes(role.bytes), format_bytes(role.budget_bytes)
    return f"{role.name}: {need} needed on each GPU, {budget} usable: {remedy}"
