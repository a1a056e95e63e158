"""The compose files follow the Compose specification, and all that they refer to exists."""

import re
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose
from ray.dashboard.modules.metrics.metrics_head import (
    GRAFANA_HOST_ENV_VAR,
    GRAFANA_IFRAME_HOST_ENV_VAR,
    PROMETHEUS_HOST_ENV_VAR,
)

from cluster.config.loading import load_config
from tests.cluster.ray.files import RAY_FILES, REPOSITORY

FOLDER = RAY_FILES / "docker"
MONITORING_FILES = REPOSITORY / "cluster/monitoring/files"
ENVIRONMENT = {  # what each image reads
    "automathes": {"PRESET", GRAFANA_HOST_ENV_VAR, GRAFANA_IFRAME_HOST_ENV_VAR, PROMETHEUS_HOST_ENV_VAR},
    "postgresql": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"},
    "grafana": {
        "GF_AUTH_ANONYMOUS_ENABLED",
        "GF_AUTH_ANONYMOUS_ORG_ROLE",
        "GF_SECURITY_ADMIN_PASSWORD__FILE",
        "GF_SECURITY_ALLOW_EMBEDDING",
        "GF_USERS_ALLOW_SIGN_UP",
    },
}


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


@pytest.fixture(params=["compose.yaml", "compose.gpu.yaml"])
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


@pytest.fixture
def compose() -> dict[str, Any]:
    return load("compose.yaml")


def validate(document: dict[str, Any]) -> None:
    PyCompose.from_yaml(yaml.safe_dump(document)).validate()


def named_volumes(service: dict[str, Any]) -> set[str]:
    return {source for source, _, _ in map(split_volume, service.get("volumes", [])) if "/" not in source}


def split_volume(volume: str) -> tuple[str, str, str]:
    source, target, *mode = volume.split(":")
    return source, target, "".join(mode)


def test_it_follows_the_specification(document: dict[str, Any]) -> None:
    validate(document)


def test_a_misspelt_key_is_refused(compose: dict[str, Any]) -> None:
    compose["services"]["postgresql"]["healthchek"] = compose["services"]["postgresql"].pop("healthcheck")

    with pytest.raises(ValueError, match="healthchek"):
        validate(compose)


def test_services_wait_for_services_that_can_tell_their_health(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wait in dict.fromkeys(service.get("depends_on", [])).items():
            assert name in services, name
            if isinstance(service["depends_on"], dict):
                wait = service["depends_on"][name]
                assert wait["condition"] != "service_healthy" or "healthcheck" in services[name], name


def test_volumes_and_secrets_are_declared_and_used(compose: dict[str, Any]) -> None:
    services = compose["services"].values()

    assert set().union(*map(named_volumes, services)) == set(compose["volumes"])
    assert {secret for service in services for secret in service.get("secrets", [])} == set(compose["secrets"])


def test_mounted_files_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for source, target, _ in map(split_volume, service.get("volumes", [])):
            if source.startswith("../../monitoring/"):
                assert (FOLDER / source).resolve().is_relative_to(MONITORING_FILES), source
                assert (FOLDER / source).exists(), source
            elif source.startswith("."):
                assert (FOLDER / source).resolve() == REPOSITORY / "runs"
                assert target == "/opt/automathes/runs"


def test_the_files_of_passwords_stay_out_of_git_and_of_images(compose: dict[str, Any]) -> None:
    ignored = {line.strip("/") for line in (REPOSITORY / ".gitignore").read_text().splitlines()}
    left_out = {line.strip("/") for line in (REPOSITORY / ".dockerignore").read_text().splitlines()}

    for secret in compose["secrets"].values():
        folder = (FOLDER / secret["file"]).parent.resolve().relative_to(REPOSITORY).as_posix()
        assert folder in ignored
        assert folder in left_out


def test_secrets_are_read_from_where_compose_puts_them(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        text = yaml.safe_dump({**service, "secrets": None})
        assert set(re.findall(r"/run/secrets/([\w-]+)", text)) == set(service.get("secrets", [])), name


def test_images_get_variables_that_they_read(compose: dict[str, Any]) -> None:
    used = {
        name: set(service["environment"]) for name, service in compose["services"].items() if "environment" in service
    }

    assert used == ENVIRONMENT


def test_addresses_are_of_services_and_their_ports(compose: dict[str, Any]) -> None:
    services = compose["services"]
    environment = services["automathes"]["environment"]
    ports = {name: services[name]["ports"][0].rpartition(":")[2] for name in ("prometheus", "grafana")}

    assert environment[PROMETHEUS_HOST_ENV_VAR] == f"http://prometheus:{ports['prometheus']}"
    assert environment[GRAFANA_HOST_ENV_VAR] == f"http://grafana:{ports['grafana']}"
    assert environment[GRAFANA_IFRAME_HOST_ENV_VAR] == f"http://{services['grafana']['ports'][0].rpartition(':')[0]}"
    user, host, database = re.search(r"postgresql://(\w+)@(\w+)/(\w+)", services["automathes"]["command"][2]).groups()
    assert host in services
    assert user == services[host]["environment"]["POSTGRES_USER"]
    assert database == services[host]["environment"]["POSTGRES_DB"]


def test_ports_are_open_to_this_machine_only(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_preset_exists(compose: dict[str, Any]) -> None:
    default = re.fullmatch(r"\$\{PRESET:-(\w+)\}", compose["services"]["automathes"]["environment"]["PRESET"])

    assert default is not None
    load_config(default[1], None, ["store.url=postgresql://automathes@postgresql/automathes"])


def test_the_images_are_built_from_targets_of_the_dockerfile(document: dict[str, Any]) -> None:
    service = document["services"]["automathes"]
    stages = re.findall(r"^FROM \S+ AS (\w+)", (FOLDER / "Dockerfile").read_text(), re.MULTILINE)

    assert service["build"]["target"] in stages
    assert service["image"] == f"automathes:{service['build']['target']}"


def test_the_images_are_built_from_the_project(compose: dict[str, Any]) -> None:
    build = compose["services"]["automathes"]["build"]

    assert (FOLDER / build["context"]).resolve() == REPOSITORY
    assert (REPOSITORY / build["dockerfile"]).is_file()


def test_other_images_have_a_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if "build" not in service:
            assert re.search(r":v?\d+[\w.-]*$", service["image"]), name


def test_the_gpu_file_changes_services_that_there_are(compose: dict[str, Any]) -> None:
    assert set(load("compose.gpu.yaml")["services"]) <= set(compose["services"])


def test_prometheus_sees_what_ray_writes(compose: dict[str, Any]) -> None:
    for name in ("automathes", "prometheus"):
        mounts = [split_volume(volume)[:2] for volume in compose["services"][name]["volumes"]]
        assert ("ray", "/tmp/ray") in mounts, name
