"""Nodes as Ray lists them, read as hosts, and the hosts that the autoscaler may add."""

from pathlib import Path
from typing import Any

from cluster.config.hosts.host import Host
from cluster.loop.placement.nodes import NodeType, further_hosts, hosts_of, read_node_types, with_free


def node(host: str, number: int = 0, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    named = {name.replace("accelerator_", "accelerator_type:"): amount for name, amount in resources.items()}
    return {"NodeID": f"{number:056x}", "NodeManagerHostname": host, "Alive": alive, "Resources": named, "Labels": {}}


def test_hosts_have_what_ray_counts_on_nodes_that_are_alive() -> None:
    nodes = [
        node("gpu-1", 1, CPU=64, GPU=8, memory=700.0, object_store_memory=300.0, accelerator_H100=1),
        node("head", 2, CPU=4),
        node("gone", 3, alive=False),
    ]

    assert hosts_of(nodes) == (
        Host("gpu-1", 64, 1000, 8, None, "H100", node_id=f"{1:056x}"),
        Host("head", 4, None, 0, node_id=f"{2:056x}"),
    )


def test_nodes_of_the_same_machine_have_names_of_their_own() -> None:
    nodes = [node("a", int("abc" + "0" * 53, 16), CPU=1), node("a", int("def" + "0" * 53, 16), CPU=1)]

    assert [host.name for host in hosts_of(nodes)] == ["a/abc000", "a/def000"]


def test_what_is_free_takes_the_place_of_what_a_host_has() -> None:
    host = Host("gpu-1", 64, 1000, 8)

    assert with_free(host, {"CPU": 3.0}) == Host("gpu-1", 3, 1000, 0)


BOOTSTRAP = """
max_workers: 6
head_node_type: head
available_node_types:
  head: {resources: {CPU: 4}, max_workers: 0}
  learner: {resources: {CPU: 96, GPU: 8}, max_workers: 1}
  sampler: {resources: {CPU: 16, GPU: 1}}
"""


def test_node_types_are_those_that_ray_up_left(tmp_path: Path) -> None:
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(BOOTSTRAP)

    assert read_node_types(file) == [
        NodeType("learner", {"CPU": 96, "GPU": 8}, 1),
        NodeType("sampler", {"CPU": 16, "GPU": 1}, 6),
    ]


def test_machines_of_ones_own_are_of_the_heads_type_and_of_unknown_size(tmp_path: Path) -> None:
    file = tmp_path / "ray_bootstrap_config.yaml"
    file.write_text(
        "{max_workers: 2, head_node_type: local.cluster.node, "
        "available_node_types: {local.cluster.node: {resources: {}, max_workers: 2}}}"
    )

    assert read_node_types(file) == [NodeType("local.cluster.node", {}, 2)]
    assert further_hosts(read_node_types(file), {}, limit=3) == ()


def test_without_ray_up_no_types_are_known_and_a_damaged_file_is_no_error(tmp_path: Path) -> None:
    assert read_node_types(tmp_path / "missing.yaml") == []
    (tmp_path / "damaged.yaml").write_text("available_node_types: [1")
    assert read_node_types(tmp_path / "damaged.yaml") == []


def test_as_many_hosts_of_a_type_are_expected_as_are_not_there_and_could_be_used() -> None:
    types = [
        NodeType("learner", {"CPU": 96.0, "GPU": 8.0}, 1),
        NodeType("sampler", {"CPU": 16.0, "GPU": 1.0}, 6),
        NodeType("bare", {}, 3),
    ]

    found = further_hosts(types, {"learner": 1, "sampler": 2}, limit=3)

    assert found == (Host("sampler (expected)", 16, None, 1, is_expected=True),) * 3
    assert len(further_hosts(types, {"sampler": 4}, limit=9)) == 1 + 2
    assert len(further_hosts([NodeType("any", {"CPU": 1.0}, -1)], {}, limit=5)) == 5
