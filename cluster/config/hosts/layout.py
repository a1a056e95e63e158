"""Lay a run out on hosts: the learner's ranks together if a host has room for all of them, the samplers apart."""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace

from cluster.config.hosts.host import Host

_PARTS = 10_000
"""Ray counts processors and GPUs in ten-thousandths."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A number of equal actors, and what each of them takes of a host.

    `gpus` is a whole number, or a part of a single GPU, and each of these has at least `gpu_memory_bytes` in all.
    `memory_bytes` is memory of the host. Sizes of a host that are not known suffice.
    """

    name: str
    count: int
    cpus: float
    gpus: float = 0.0
    memory_bytes: int = 0
    gpu_memory_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The host of each rank and of each sampler, by its position in the list; None for one that has no room."""

    ranks: tuple[int | None, ...]
    samplers: tuple[int | None, ...]

    @property
    def is_complete(self) -> bool:
        """Whether all have a host."""
        return None not in self.ranks and None not in self.samplers

    @property
    def rank_host(self) -> int | None:
        """The host of all ranks, None if they are on several or have no room."""
        return self.ranks[0] if len(set(self.ranks)) == 1 else None


def lay_out(hosts: Sequence[Host], ranks: Demand, samplers: Demand) -> Layout:
    """Place ranks and samplers on hosts.

    Ranks come first. If hosts have room for all of them they go to one: the one that leaves the most samplers a place,
    and these the most hosts. Else they are packed onto as few hosts as possible. Samplers go to as many as possible.
    """
    together: list[list[int | None]] = [[host] * ranks.count for host in _hosts_for_all(hosts, ranks)]
    layouts = [lay_out_beside(hosts, places, ranks, samplers) for places in together or [_pack(hosts, ranks)]]
    return max(layouts, key=_quality)  # the first of equal ones


def lay_out_beside(hosts: Sequence[Host], places: Sequence[int | None], ranks: Demand, samplers: Demand) -> Layout:
    """Place samplers beside ranks that have these places already."""
    rooms = [_Room(host) for host in hosts]
    for place in places:
        if place is not None:
            rooms[place].take(ranks)
    return Layout(tuple(places), _spread(rooms, samplers, [0] * len(hosts)))


def place_more(hosts: Sequence[Host], samplers: Demand, held: Sequence[int]) -> tuple[int | None, ...]:
    """Place samplers on what is free of the hosts, which hold so many samplers already."""
    return _spread([_Room(host) for host in hosts], samplers, list(held))


def capacity(host: Host, demand: Demand) -> int:
    """How many of the actors, at most `demand.count`, an empty host has room for."""
    return _Room(host).capacity(demand)


# ---------------------------------------------------------------- room


class _Room:
    """What is left of a host, its GPUs one by one: a part of a GPU is a part of a single one."""

    def __init__(self, host: Host) -> None:
        whole, rest = divmod(_parts(host.gpus), _PARTS)
        self._cpus = _parts(host.cpus)
        self._memory_bytes = math.inf if host.memory_bytes is None else host.memory_bytes
        self._gpu_memory_bytes = math.inf if host.gpu_memory_bytes is None else host.gpu_memory_bytes
        self._gpus = [_PARTS] * whole + [rest] * (rest > 0)

    @property
    def left(self) -> tuple[int, int]:
        """GPUs and processors that are left, in `_PARTS`."""
        return sum(self._gpus), self._cpus

    def capacity(self, demand: Demand) -> int:
        """How many of the actors have room, at most `demand.count`."""
        room = self._copy()
        return next((taken for taken in range(demand.count) if not room.take(demand)), demand.count)

    def take(self, demand: Demand) -> bool:
        """Take what one of the actors needs; False, and nothing is taken, if there is too little."""
        chosen = self._choose_gpus(_parts(demand.gpus)) if self._gpu_memory_bytes >= demand.gpu_memory_bytes else None
        if chosen is None or self._cpus < _parts(demand.cpus) or self._memory_bytes < demand.memory_bytes:
            return False
        self._cpus -= _parts(demand.cpus)
        self._memory_bytes -= demand.memory_bytes
        for gpu in chosen:
            self._gpus[gpu] -= min(_parts(demand.gpus), _PARTS)
        return True

    def _choose_gpus(self, wanted: int) -> list[int] | None:
        """The GPUs for so many parts; for a part of a GPU, the one with the least left that has enough."""
        if wanted == 0:
            return []
        if wanted < _PARTS:
            return min(
                ([gpu] for gpu, left in enumerate(self._gpus) if left >= wanted), key=self._left_of, default=None
            )
        whole = [gpu for gpu, left in enumerate(self._gpus) if left == _PARTS]
        needed = -(-wanted // _PARTS)
        return whole[:needed] if len(whole) >= needed else None

    def _left_of(self, gpus: list[int]) -> int:
        return self._gpus[gpus[0]]

    def _copy(self) -> "_Room":
        room = copy(self)
        room._gpus = list(self._gpus)
        return room


def _parts(amount: float) -> int:
    return round(amount * _PARTS)


# ---------------------------------------------------------------- ranks and samplers


def _hosts_for_all(hosts: Sequence[Host], ranks: Demand) -> list[int]:
    """The hosts with room for all ranks; of hosts that are alike, one."""
    alike: dict[Host, int] = {}
    for position, host in enumerate(hosts):
        if capacity(host, ranks) == ranks.count:
            alike.setdefault(replace(host, name="", node_id=None), position)
    return list(alike.values())


def _pack(hosts: Sequence[Host], ranks: Demand) -> list[int | None]:
    """Place ranks on as few hosts as possible: equal ones fill the host with the most room first."""
    rooms = sorted(((capacity(host, ranks), -position) for position, host in enumerate(hosts)), reverse=True)
    places: list[int | None] = [-position for room, position in rooms for _ in range(room)]
    return (places + [None] * ranks.count)[: ranks.count]


def _spread(rooms: Sequence[_Room], samplers: Demand, held: list[int]) -> tuple[int | None, ...]:
    """Place each sampler on the host with the fewest of them, and of several on the one with the most room."""
    places: list[int | None] = []
    open_hosts = list(range(len(rooms)))
    while len(places) < samplers.count:
        open_hosts.sort(key=lambda host: (held[host], *(-left for left in rooms[host].left), host))
        while open_hosts and not rooms[open_hosts[0]].take(samplers):
            open_hosts.pop(0)  # it has less room from here on, never more
        if not open_hosts:
            break
        held[open_hosts[0]] += 1
        places.append(open_hosts[0])
    return tuple(places + [None] * (samplers.count - len(places)))


def _quality(layout: Layout) -> tuple[int, int, int]:
    """The samplers that are placed, the hosts that they are on, and how few of them share the learner's host."""
    placed = [place for place in layout.samplers if place is not None]
    return len(placed), len(set(placed)), -layout.samplers.count(layout.rank_host)
