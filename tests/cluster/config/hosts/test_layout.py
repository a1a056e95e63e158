"""Layouts of ranks and samplers on hosts: by examples, and for any hosts by what must hold of each."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.config.hosts.host import Host
from cluster.config.hosts.layout import Demand, Layout, capacity, lay_out, lay_out_beside, place_more
from cluster.config.memory import GIB


def hosts(*gpus: float, cpus: float = 64) -> list[Host]:
    return [Host(f"host-{number}", cpus, gpus=count) for number, count in enumerate(gpus)]


def ranks(count: int, gpus: float = 1, cpus: float = 1, **more: int) -> Demand:
    return Demand("learner rank", count, cpus, gpus, **more)


def samplers(count: int, gpus: float = 1, cpus: float = 1, **more: int) -> Demand:
    return Demand("sampler", count, cpus, gpus, **more)


# ---------------------------------------------------------------- examples


@pytest.mark.parametrize(
    ("gpus", "wanted", "placed"),
    [
        ((4, 4), (ranks(4), samplers(4)), ((0,) * 4, (1,) * 4)),
        ((4, 4), (ranks(2), samplers(4)), ((0, 0), (1, 0, 1, 0))),
        ((2, 4, 2), (ranks(4), samplers(4)), ((1,) * 4, (0, 2, 0, 2))),
        ((4, 4), (ranks(6), samplers(2)), ((0, 0, 0, 0, 1, 1), (1, 1))),
        ((8, 4), (ranks(4), samplers(1, gpus=8)), ((1,) * 4, (0,))),
        ((1, 1), (ranks(1, gpus=0.5), samplers(3, gpus=0.5)), ((0,), (1, 0, 1))),
        ((0, 0, 0), (ranks(1, gpus=0), samplers(4, gpus=0)), ((0,), (1, 2, 0, 1))),
        ((4,), (ranks(2), samplers(4)), ((0, 0), (0, 0, None, None))),
        ((1, 1), (ranks(1), samplers(1, gpus=2)), ((0,), (None,))),
        ((), (ranks(1), samplers(1)), ((None,), (None,))),
    ],
)
def test_ranks_come_first_and_together_and_samplers_apart(
    gpus: tuple[float, ...], wanted: tuple[Demand, Demand], placed: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    assert lay_out(hosts(*gpus), *wanted) == Layout(*placed)


def test_parts_of_gpus_do_not_add_up_over_several() -> None:
    assert capacity(hosts(2)[0], samplers(9, gpus=0.6)) == 2
    assert capacity(hosts(1.5)[0], samplers(9, gpus=1)) == 1
    assert capacity(hosts(1)[0], samplers(9, gpus=0.3333)) == 3


def test_processors_and_memory_are_limits_too() -> None:
    assert capacity(Host("a", 2.5), samplers(9, gpus=0)) == 2
    assert capacity(Host("a", 64, 10 * GIB), samplers(9, gpus=0, memory_bytes=3 * GIB)) == 3


def test_gpus_that_are_too_small_are_not_used_and_those_of_unknown_size_are() -> None:
    small, large, unknown = (Host("a", 64, None, 4, memory) for memory in (40 * GIB, 80 * GIB, None))
    wanted = ranks(2, gpu_memory_bytes=60 * GIB), samplers(2, gpu_memory_bytes=30 * GIB)

    assert lay_out([small, large], *wanted) == Layout((1, 1), (0, 1))
    assert lay_out([small, unknown], *wanted) == Layout((1, 1), (0, 1))
    assert lay_out([small], *wanted) == Layout((None, None), (0, 0))


def test_samplers_are_placed_beside_ranks_that_are_elsewhere_than_planned() -> None:
    assert lay_out_beside(hosts(2, 2), [1, 1], ranks(2), samplers(2)) == Layout((1, 1), (0, 0))


def test_more_samplers_go_to_the_hosts_with_the_fewest() -> None:
    assert place_more(hosts(4, 4, 4), samplers(3), [2, 0, 1]) == (1, 2, 1)
    assert place_more(hosts(0, 1), samplers(2), [0, 3]) == (1, None)


# ---------------------------------------------------------------- any hosts

_HOSTS = st.lists(
    st.builds(
        Host,
        name=st.just("host"),
        cpus=st.integers(0, 16).map(float),
        memory_bytes=st.none() | st.integers(0, 64),
        gpus=st.sampled_from((0.0, 1.0, 2.0, 4.0, 8.0, 0.5, 2.5)),
        gpu_memory_bytes=st.none() | st.integers(10, 80),
    ),
    max_size=6,
)


def _demands(name: str, most: int) -> st.SearchStrategy[Demand]:
    return st.builds(
        Demand,
        name=st.just(name),
        count=st.integers(1, most),
        cpus=st.sampled_from((0.0, 0.25, 1.0, 3.0)),
        gpus=st.sampled_from((0.0, 0.25, 0.3333, 0.5, 1.0, 2.0, 4.0)),
        memory_bytes=st.integers(0, 16),
        gpu_memory_bytes=st.integers(0, 60),
    )


def _fits_gpus(host: Host, wanted: Sequence[float]) -> bool:
    """Whether whole GPUs and parts of single ones fit, by trying the parts in every GPU."""
    whole = sum(gpus for gpus in wanted if gpus >= 1)
    parts = sorted((gpus for gpus in wanted if 0 < gpus < 1), reverse=True)
    count = int(host.gpus)
    free = [1.0] * count + ([host.gpus - count] if host.gpus > count else [])
    if whole > count:
        return False
    return _pack_parts(parts, free[int(whole) :])


def _pack_parts(parts: Sequence[float], free: list[float]) -> bool:
    if not parts:
        return True
    tried = set()
    for position, left in enumerate(free):
        if left not in tried and left + 1e-6 >= parts[0]:
            tried.add(left)
            if _pack_parts(parts[1:], [*free[:position], left - parts[0], *free[position + 1 :]]):
                return True
    return False


@given(_HOSTS, _demands("learner rank", 5), _demands("sampler", 8))
@settings(max_examples=300, deadline=None)
def test_no_host_gets_more_than_it_has(have: list[Host], first: Demand, second: Demand) -> None:
    layout = lay_out(have, first, second)

    assert (len(layout.ranks), len(layout.samplers)) == (first.count, second.count)
    for position, host in enumerate(have):
        counts = layout.ranks.count(position), layout.samplers.count(position)
        placed = [first] * counts[0] + [second] * counts[1]
        assert sum(demand.cpus for demand in placed) <= host.cpus
        assert host.memory_bytes is None or sum(demand.memory_bytes for demand in placed) <= host.memory_bytes
        assert _fits_gpus(host, [demand.gpus for demand in placed])
        if host.gpu_memory_bytes is not None:
            assert all(demand.gpu_memory_bytes <= host.gpu_memory_bytes for demand in placed)


@given(_HOSTS, _demands("learner rank", 5), _demands("sampler", 8))
@settings(max_examples=300, deadline=None)
def test_ranks_are_together_whenever_a_host_has_room_for_all(have: list[Host], first: Demand, second: Demand) -> None:
    layout = lay_out(have, first, second)

    if any(capacity(host, first) == first.count for host in have):
        assert len(set(layout.ranks)) == 1
        assert layout.rank_host is not None
    room = sum(capacity(host, first) for host in have)
    assert first.count - layout.ranks.count(None) == min(room, first.count)


@given(_HOSTS, _demands("learner rank", 5), _demands("sampler", 8))
@settings(max_examples=300, deadline=None)
def test_samplers_are_on_as_many_hosts_as_possible_and_evenly(have: list[Host], first: Demand, second: Demand) -> None:
    layout = lay_out(have, first, second)

    placed = Counter(place for place in layout.samplers if place is not None)
    more = lay_out_beside(have, layout.ranks, first, Demand("sampler", 64, *_resources(second)))
    room = Counter(place for place in more.samplers if place is not None)
    assert len(placed) == min(len(room), second.count)
    assert placed.total() == min(room.total(), second.count)
    for host, other in ((one, two) for one in room for two in room):
        if placed[host] > placed[other] + 1:  # only where the other is full
            assert placed[other] == room[other]


def _resources(demand: Demand) -> tuple[float, float, int, int]:
    return demand.cpus, demand.gpus, demand.memory_bytes, demand.gpu_memory_bytes
