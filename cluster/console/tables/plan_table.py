"""The plan of a run as a table of memory by part, with GPUs, host memory and disk below it."""

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table

from cluster.config.machine import Machine
from cluster.config.memory import format_bytes
from cluster.config.plan import Plan


def render_plan(plan: Plan) -> RenderableType:
    """The plan as something that rich prints."""
    machine = plan.machine
    lines = [
        f"GPUs: {plan.gpus_needed} needed, {_gpus(machine)} present",
        f"Host memory: {format_bytes(plan.host_bytes)} needed, {format_bytes(machine.memory_bytes)} available",
        f"Disk: {format_bytes(plan.disk_bytes)} needed, {format_bytes(machine.disk_bytes)} free",
        *(f"{role.name}: {role.note}" for role in plan.roles if role.note),
        "The run fits." if plan.fits else "The run does not fit:",
        *(f"  {shortfall}" for shortfall in plan.shortfalls),
    ]
    return Group(_table(plan), *lines)


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


def _gpus(machine: Machine) -> str:
    kinds = Counter(f"{gpu.name}, {format_bytes(gpu.memory_bytes)}" for gpu in machine.gpus)
    return " and ".join(f"{count} ({kind})" for kind, count in kinds.items()) or "0"
