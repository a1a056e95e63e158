"""Plans of runs that join a cluster: where everything goes, what is refused with which numbers, what is waited for."""

from pathlib import Path
from typing import Any

import pytest

from cluster.config.hosts.host import Cluster, Host
from cluster.config.loading import load_config
from cluster.config.machine import Machine
from cluster.config.memory import GIB
from cluster.config.placement import place_in
from cluster.config.plan import DoesNotFitError, Plan, plan_run
from cluster.config.run_config import RunConfig
from cluster.console.tables.host_table import render_hosts
from cluster.console.tables.plan_table import render_plan

HEAD = Host("head", 16, 64 * GIB)
LEARNER = Host("learner", 96, 1000 * GIB, 8, 80 * GIB, "NVIDIA A100")
DRIVER = Machine(cpus=16, memory_bytes=64 * GIB, disk_bytes=2000 * GIB)


def sampler_host(number: int, **changes: Any) -> Host:
    return Host(f"sampler-host-{number}", 16, 128 * GIB, 1, 48 * GIB, "NVIDIA L40S", **changes)


def plan(config: RunConfig, *hosts: Host, **cluster: Any) -> Plan:
    joined = Cluster(hosts, **cluster)
    return plan_run(place_in(config, joined), Path(), DRIVER, joined)


def config_7b(*overrides: str) -> RunConfig:
    return load_config("7b", None, ["ray.address=auto", *overrides])


def names(plan: Plan, places: tuple[int | None, ...]) -> list[str | None]:
    return [None if place is None else plan.hosts[place].name for place in places]


def test_the_cloud_cluster_of_the_documentation_has_room_for_the_preset_7b() -> None:
    made = plan(config_7b(), HEAD, LEARNER, *(sampler_host(number) for number in range(4)))

    assert made.fits, made.shortfalls
    assert set(names(made, made.layout.ranks)) == {"learner"}
    assert names(made, made.layout.samplers) == ["learner", *(f"sampler-host-{number}" for number in range(3))]
    learner, sampler = made.roles
    assert learner.budget_bytes == 80 * GIB
    assert sampler.budget_bytes == int(0.9 * 48 * GIB)


def test_gpus_of_the_whole_cluster_are_shared_out_where_the_configuration_leaves_it_open() -> None:
    config = load_config("demo", None, ["ray.address=auto", "sampler.num_samplers=3"])
    hosts = (HEAD, *(sampler_host(number) for number in range(4)))

    placed = place_in(config, Cluster(hosts))

    assert (placed.sampler.gpus_per_sampler, placed.learner.gpus_per_rank) == (1, 1)
    assert plan_run(placed, Path(), DRIVER, Cluster(hosts)).fits


def test_what_no_host_has_is_refused_with_what_was_asked_and_what_the_largest_has() -> None:
    made = plan(config_7b("sampler.engine.tensor_parallel=16", "sampler.gpus_per_sampler=16"), HEAD, LEARNER)

    with pytest.raises(
        DoesNotFitError,
        match=r"in this cluster.*a sampler needs 16 GPUs of at least .* GiB, 1 processor and .* of memory on one host",
    ):
        made.require_fit()
    assert "the largest host, learner, has 8 GPUs of 80.0 GiB, 96 processors and 1,000.0 GiB of memory" in str(
        made.shortfalls
    )


def test_too_few_hosts_are_refused_with_the_number_that_has_room() -> None:
    made = plan(config_7b("sampler.num_samplers=9"), HEAD, LEARNER, sampler_host(0))

    (shortfall,) = made.shortfalls
    assert shortfall.startswith("9 samplers need 1 GPU of at least ")
    assert "the hosts have room for 5 beside the learner" in shortfall


def test_memory_of_gpus_that_is_not_known_is_noted_and_not_held_against_them() -> None:
    unknown = Host("gpu-1", 96, None, 8)

    made = plan(config_7b(), HEAD, unknown)

    assert made.fits, made.shortfalls
    assert made.notes == ("the memory of the GPUs of gpu-1 is not known, and was not checked",)


def test_gpus_that_are_too_small_everywhere_are_named_with_a_remedy() -> None:
    small = Host("gpu-1", 96, 500 * GIB, 8, 16 * GIB, "NVIDIA T4")

    assert any("learner rank" in text and "16.0 GiB usable" in text for text in plan(config_7b(), small).shortfalls)


def test_hosts_that_the_autoscaler_may_add_count_and_are_named() -> None:
    expected = tuple(sampler_host(number, is_expected=True) for number in range(4))

    made = plan(config_7b("sampler.num_samplers=6"), HEAD, LEARNER, expected=expected)

    assert made.fits, made.shortfalls
    assert made.notes == ("waits for the autoscaler: 4 ranks and samplers go to hosts that it has still to add",)


def test_what_even_the_autoscaler_cannot_add_is_refused() -> None:
    made = plan(config_7b("sampler.num_samplers=8"), HEAD, expected=(sampler_host(0, is_expected=True),))

    assert not made.fits


def test_a_cluster_that_adds_unknown_hosts_is_waited_for() -> None:
    made = plan(config_7b(), HEAD, is_elastic=True)

    assert made.fits, made.shortfalls
    assert made.notes[0].startswith("waits for the autoscaler: a learner rank needs 1 GPU of at least ")


def test_processors_of_the_sandboxes_are_reserved_with_the_samplers() -> None:
    config = load_config(
        "demo",
        None,
        ["ray.address=auto", "sampler.num_samplers=3", "sampler.sandbox_cpus=3", "learner.cpus_per_rank=1"],
    )
    hosts = [Host(f"host-{number}", 4, 64 * GIB) for number in range(3)]

    made = plan(config, *hosts)

    assert names(made, made.layout.samplers) == ["host-1", "host-2", None]
    assert "3 samplers need 3.5 processors and " in made.shortfalls[0]


def text_of(renderable: Any, width: int = 110) -> str:
    from rich.console import Console

    console = Console(width=width, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(renderable)
    return console.export_text()


def test_the_table_has_every_host_and_what_goes_there() -> None:
    made = plan(config_7b(), HEAD, LEARNER, *(sampler_host(number) for number in range(4)))

    text = text_of(render_plan(made))

    assert any("learner" in line and "8 x A100, 80 GiB" in line and "0-3" in line for line in text.splitlines())
    assert any("sampler-host-2" in line and line.rstrip().endswith("4") for line in text.splitlines())
    assert "GPUs: 8 needed, 8 (NVIDIA A100, 80.0 GiB) and 4 (NVIDIA L40S, 48.0 GiB) present" in " ".join(text.split())
    assert "The run fits." in text


def test_what_has_no_room_has_a_row_of_its_own() -> None:
    made = plan(config_7b("sampler.num_samplers=9"), HEAD, LEARNER)

    assert any(
        "no host has room" in line and "5-9" in line
        for line in text_of(render_hosts(made.hosts, made.layout)).splitlines()
    )
