"""The plan of a run as a table of memory by part, with GPUs, host memory and disk below it."""

from rich.console import Group, RenderableType
from rich.table import Table

from cluster.config.hosts.host import describe_gpus
from cluster.config.memory import format_bytes
from cluster.config.plan import Plan
from cluster.console.tables.host_table import render_hosts


def render_plan(plan: Plan) -> RenderableType:
    """The plan as something that rich prints."""
    present = describe_gpus(host for host in plan.hosts if not host.is_expected)
    lines = [
        f"GPUs: {plan.gpus_needed} needed, {present} present",
        f"Host memory: {format_bytes(plan.host_bytes)} needed, {_memory(plan)}",
        f"Disk: {format_bytes(plan.disk_bytes)} needed, {format_bytes(plan.machine.disk_bytes)} free",
        *(f"{role.name}: {role.note}" for role in plan.roles if role.note),
        *plan.notes,
        "The run fits." if plan.fits else "The run does not fit:",
        *(f"  {shortfall}" for shortfall in plan.shortfalls),
    ]
    hosts = [render_hosts(plan.hosts, plan.layout)] if plan.is_cluster else []
    return Group(_table(plan), *hosts, *lines)


def _memory(plan: Plan) -> str:
    if not plan.is_cluster:
        return f"{format_bytes(plan.machine.memory_bytes)} available"
    known = [host.memory_bytes for host in plan.hosts if host.memory_bytes is not None]
    return f"{format_bytes(sum(known))} on all hosts"


def _table(plan: Plan) -> Table:
    table = Table(title=f"{plan.shape.name}, {plan.shape.parameters / 1e6:,.1f}M parameters")
    table.add_column("part")
    for role in plan.roles:
        table.add_column(f"{role.devices} x {role.name}\n({role.device_label})", justify="right")
    for part in dict.fromkeys(part for role in plan.roles for part in role.parts):
        table.add_row(part, *(format_bytes(role.parts[part]) if part in role.parts else "" for role in plan.roles))
    table.add_section()
    table.add_row("total", *(format_bytes(role.bytes) for role in plan.roles))
    table.add_row(
        "budget", *("" if role.budget_bytes is None else format_bytes(role.budget_bytes) for role in plan.roles)
    )
    return table
