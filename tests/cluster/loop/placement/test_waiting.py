"""What an actor waits for, with the numbers."""

from dataclasses import replace

from cluster.config.hosts.host import Host
from cluster.config.hosts.layout import Demand
from cluster.loop.placement.waiting import missing_resources

HAVE = [Host("gpu-1", 64, None, 4, node_id="1"), Host("gpu-2", 32, None, 2, node_id="2"), Host("head", 8, node_id="3")]
SAMPLER = Demand("sampler", 1, 4, 2)


def free(*left: tuple[float, float]) -> list[Host]:
    return [replace(host, gpus=gpus, cpus=cpus) for host, (gpus, cpus) in zip(HAVE, left, strict=True)]


def test_nothing_is_missing_where_a_host_has_room() -> None:
    assert missing_resources(SAMPLER, HAVE, free((0, 60), (2, 4), (0, 8))) is None


def test_what_is_free_is_named_for_the_hosts_that_could_take_it() -> None:
    missing = missing_resources(SAMPLER, HAVE, free((1, 60), (2, 3), (0, 8)))

    assert missing == (
        "2 GPUs and 4 processors on one host; free are 1 of 4 GPUs and 60 of 64 processors of gpu-1, "
        "2 of 2 GPUs and 3 of 32 processors of gpu-2 (see `ray status`)"
    )


def test_of_many_hosts_the_first_are_named() -> None:
    many = [Host(f"host-{number}", 4, node_id=str(number)) for number in range(9)]

    missing = missing_resources(Demand("sampler", 1, 2), many, [replace(host, cpus=1) for host in many])

    assert missing is not None
    assert "1 of 4 processors of host-2 and 6 hosts more" in missing


def test_what_no_host_has_is_said_with_what_the_largest_has() -> None:
    missing = missing_resources(Demand("sampler", 1, 1, 8), HAVE, HAVE)

    assert missing == (
        "8 GPUs and 1 processor on one host, which no host of the cluster has "
        "(the largest, gpu-1, has 4 GPUs and 64 processors)"
    )
    assert missing_resources(SAMPLER, [], []) is not None
