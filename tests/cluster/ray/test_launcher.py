"""The files for `ray up` pass Ray's own checks and name only fields that the clouds have, and agree with each other."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.cluster.ray.fields.providers import MACHINES
from tests.cluster.ray.files import RAY_FILES, REPOSITORY, rows_of

FILES = sorted((RAY_FILES / "launcher").glob("*.yaml"))
CLOUDS = ["aws", "azure", "gcp"]
START = re.compile(r"\bray start\b")


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param.stem)


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((RAY_FILES / "launcher" / f"{name}.yaml").read_text())


def commands(config: dict[str, Any]) -> list[str]:
    return [command for key, value in config.items() if key.endswith("_commands") for command in value]


def known_provider_fields() -> set[str]:
    import json

    import ray.autoscaler

    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    return set(schema["properties"]["provider"]["properties"])


def check(config: dict[str, Any]) -> None:
    """What `ray up` checks, and the fields that its schema leaves to the provider."""
    prepared = prepare_config(config)
    validate_config(prepared)
    if unknown := set(config["provider"]) - known_provider_fields():
        raise ValueError(f"unknown fields of the provider: {sorted(unknown)}")
    machine = MACHINES[config["provider"]["type"]]
    for kind in config.get("available_node_types", {}).values():
        machine.model_validate(kind["node_config"])


def test_there_is_a_file_for_each_provider() -> None:
    assert [file.stem for file in FILES] == [*CLOUDS, "on-premise"]


def test_ray_and_the_provider_accept_it(config: dict[str, Any]) -> None:
    check(config)


def test_a_misspelt_key_is_refused(config: dict[str, Any]) -> None:
    config["setup_comands"] = config.pop("setup_commands")

    with pytest.raises(ValidationError, match="setup_comands"):
        check(config)


def test_a_misspelt_field_of_a_machine_is_refused(cloud: dict[str, Any]) -> None:
    node = cloud["available_node_types"]["sampler"]["node_config"]
    node = node.get("azure_arm_parameters", node)
    name = next(iter(node))
    node[name.upper()] = node.pop(name)

    with pytest.raises(ValueError, match=name.upper()):
        check(cloud)


def test_the_dashboard_is_local_and_the_cluster_requires_its_token(config: dict[str, Any]) -> None:
    starts = [command for command in commands(config) if START.search(command)]

    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in start for start in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token"}


def test_every_machine_is_set_up_like_a_clone(config: dict[str, Any]) -> None:
    setup = config["setup_commands"]

    assert any("git clone" in command for command in setup)
    assert any("make setup" in command for command in setup)
    assert any("automathes doctor" in command for command in setup)


def test_ray_down_finds_the_ray_command_on_the_path(config: dict[str, Any], tmp_path: Path) -> None:
    for command in config["setup_commands"]:
        if ".bashrc" in command:
            subprocess.run(["bash", "-c", command], env={**os.environ, "HOME": str(tmp_path)}, check=True, timeout=10)

    written = (tmp_path / ".bashrc").read_text()
    assert "automathes/.venv/bin:$PATH" in written
    assert "export RAY_AUTH_MODE=token" in written


def test_the_shell_parses_every_command(config: dict[str, Any]) -> None:
    for command in commands(config):
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=10)


def test_every_option_of_ray_start_exists(config: dict[str, Any]) -> None:
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    for command in commands(config):
        if START.search(command):
            assert set(re.findall(r"--[a-z-]+", command.partition("ray start")[2])) <= known


def test_the_limits_allow_the_requested_workers(cloud: dict[str, Any]) -> None:
    workers = {name: kind for name, kind in cloud["available_node_types"].items() if name != cloud["head_node_type"]}

    assert cloud["max_workers"] == sum(kind["max_workers"] for kind in workers.values())
    assert all(0 < kind["min_workers"] <= kind["max_workers"] for kind in workers.values())


def test_the_local_file_lists_as_many_workers_as_it_asks_for() -> None:
    local = load("on-premise")

    assert local["min_workers"] == local["max_workers"] == len(local["provider"]["worker_ips"])


def test_idle_machines_end_and_the_head_has_no_gpu(cloud: dict[str, Any]) -> None:
    types = cloud["available_node_types"]

    assert 5 <= cloud["idle_timeout_minutes"] <= 60
    assert set(types) == {"head", "learner", "sampler"}
    assert "GPU" not in types["head"]["resources"]
    assert types["learner"]["resources"]["GPU"] >= 4
    assert types["sampler"]["resources"]["GPU"] == 1


def test_only_samplers_are_on_spot_machines(cloud: dict[str, Any]) -> None:
    spot = {
        "aws": lambda node: node.get("InstanceMarketOptions", {}).get("MarketType") == "spot",
        "azure": lambda node: node["azure_arm_parameters"].get("priority") == "Spot",
        "gcp": lambda node: node.get("scheduling", {}).get("provisioningModel") == "SPOT",
    }[cloud["provider"]["type"]]

    assert [name for name, kind in cloud["available_node_types"].items() if spot(kind["node_config"])] == ["sampler"]


def test_the_clouds_differ_only_in_what_is_theirs() -> None:
    configs = [load(name) for name in CLOUDS]

    for key in {*configs[0]} - {"provider", "available_node_types", "setup_commands", "head_setup_commands"}:
        assert all(config[key] == configs[0][key] for config in configs), key


def test_the_guide_lists_the_machines_of_the_files() -> None:
    """Rows of docs/clusters/cloud.md: cloud, type, machine, processors, GPUs."""
    listed = {tuple(row[:5]) for row in rows_of(REPOSITORY / "docs/clusters/cloud.md")}
    titles = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
    used = set()
    for name in CLOUDS:
        for kind, settings in load(name)["available_node_types"].items():
            node = settings["node_config"]
            node = node.get("azure_arm_parameters", node)
            machine = node.get("InstanceType") or node.get("machineType") or node.get("vmSize")
            resources = settings["resources"]
            used.add((titles[name], kind, f"`{machine}`", str(resources["CPU"]), str(resources.get("GPU", 0))))

    assert used <= listed


def test_the_head_starts_prometheus_and_does_not_wait_for_it(config: dict[str, Any]) -> None:
    started = config["head_start_ray_commands"][-1]

    assert "automathes monitor --cluster" in started
    assert re.search(r"&\) > \S+ 2>&1 < /dev/null$", started), "it would hold the shell that starts it"
    assert any("apt-get install" in command and "prometheus" in command for command in config["head_setup_commands"])
