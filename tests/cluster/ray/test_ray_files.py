"""The `ray up` files pass Ray's own checks, carry no secrets, and name only what the project has."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted((ROOT / "cluster/ray/launcher").glob("*.yaml"))
SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|aws_(access|secret)|PRIVATE KEY|hf_[A-Za-z0-9]{20}|://[^/\s]*:[^/\s]*@", re.IGNORECASE
)


def commands(config: dict[str, Any]) -> list[str]:
    return [command for key, value in config.items() if key.endswith("_commands") for command in value]


@pytest.fixture(params=FILES, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def config(file: Path) -> dict[str, Any]:
    return yaml.safe_load(file.read_text())


def test_there_is_a_file_for_each_provider() -> None:
    assert [file.stem for file in FILES] == ["aws", "azure", "gcp", "on-premise"]


def test_ray_accepts_it_as_ray_up_does(config: dict[str, Any]) -> None:
    validate_config(prepare_config(config))


def test_ray_refuses_a_misspelt_key(config: dict[str, Any]) -> None:
    from jsonschema import ValidationError

    with pytest.raises(ValidationError, match="setup_comands"):
        validate_config(prepare_config(config) | {"setup_comands": []})


def test_it_carries_no_secret(file: Path) -> None:
    assert not SECRETS.search(file.read_text())


def test_the_dashboard_is_local_and_the_cluster_requires_its_token(config: dict[str, Any]) -> None:
    starts = [command for command in commands(config) if "ray start" in command]

    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in start for start in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert any("auth_token" in mount for mount in config["file_mounts"])


def test_every_machine_is_set_up_like_a_clone(config: dict[str, Any]) -> None:
    setup = config["setup_commands"]

    assert any("git clone" in command for command in setup)
    assert any("make setup" in command for command in setup)
    assert any("automathes doctor" in command for command in setup)


def test_the_shell_parses_every_command(config: dict[str, Any]) -> None:
    for command in commands(config):
        subprocess.run(["bash", "-n", "-c", command], check=True, timeout=10)


def test_the_limits_allow_the_requested_workers() -> None:
    aws = yaml.safe_load((ROOT / "cluster/ray/launcher/aws.yaml").read_text())
    local = yaml.safe_load((ROOT / "cluster/ray/launcher/on-premise.yaml").read_text())

    most = sum(kind.get("max_workers", 0) for kind in aws["available_node_types"].values())
    assert aws["max_workers"] == most
    assert local["min_workers"] == local["max_workers"] == len(local["provider"]["worker_ips"])
