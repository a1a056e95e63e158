"""The hosts of a cluster as a table, and on each what a run puts there."""

from collections.abc import Sequence
from itertools import groupby

from rich import box
from rich.table import Table

from cluster.config.hosts.host import Host
from cluster.config.hosts.layout import Layout
from cluster.config.memory import GIB

_NOWHERE = "no host has room"


def render_hosts(hosts: Sequence[Host], layout: Layout | None = None) -> Table:
    """A row for each host: what it has and, with a layout, the ranks and samplers that go there."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("host", no_wrap=True)
    for name in ("CPUs", "memory"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("GPUs", overflow="fold")
    if layout is not None:
        for name in ("ranks", "samplers"):
            table.add_column(name, overflow="fold")
    for position, host in enumerate(hosts):
        placed = () if layout is None else _placed(layout, position)
        if not host.is_expected or any(placed):  # hosts that the autoscaler would not have to add are left out
            table.add_row(*_cells(host), *placed, style="dim" if host.is_expected else None)
    if layout is not None and not layout.is_complete:
        table.add_row(_NOWHERE, "", "", "", *_placed(layout, None), style="red")
    return table


def _cells(host: Host) -> tuple[str, ...]:
    memory = "unknown" if host.memory_bytes is None else f"{host.memory_bytes / GIB:,.0f} GiB"
    return host.name, f"{host.cpus:g}", memory, _gpus(host) if host.gpus else ""


def _gpus(host: Host) -> str:
    kind = (host.gpu_type or "unknown type").removeprefix("NVIDIA ")
    memory = "unknown memory" if host.gpu_memory_bytes is None else f"{host.gpu_memory_bytes / GIB:.0f} GiB"
    return f"{host.gpus:g} x {kind}, {memory}"


def _placed(layout: Layout, position: int | None) -> tuple[str, str]:
    ranks = [rank for rank, place in enumerate(layout.ranks) if place == position]
    samplers = [sampler for sampler, place in enumerate(layout.samplers, start=1) if place == position]
    return _numbers(ranks), _numbers(samplers)


def _numbers(numbers: Sequence[int]) -> str:
    """Numbers in ascending order, in short: `1-4, 7`."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])]
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
