"""Kubernetes knows every field of its own objects and of all pod templates, and what they refer to exists."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from lightkube.models import core_v1
from ray.dashboard.modules.metrics.grafana_dashboard_factory import (
    GRAFANA_DASHBOARD_UID_OVERRIDE_ENV_VAR_TEMPLATE as DASHBOARD_UID,
)
from ray.dashboard.modules.metrics.metrics_head import (
    GRAFANA_HOST_ENV_VAR,
    GRAFANA_IFRAME_HOST_ENV_VAR,
    PROMETHEUS_HOST_ENV_VAR,
)

from tests.cluster.ray.fields.kuberay import MANIFESTS, cluster_spec
from tests.cluster.ray.fields.kubernetes import KINDS, check
from tests.cluster.ray.files import RAY_FILES

FOLDER = RAY_FILES / "kubernetes"
METRICS = {
    PROMETHEUS_HOST_ENV_VAR,
    GRAFANA_HOST_ENV_VAR,
    GRAFANA_IFRAME_HOST_ENV_VAR,
    DASHBOARD_UID.format(name="DEFAULT"),
}
RESOURCES = {"cpu", "memory", "nvidia.com/gpu"}


def objects(*kinds: str) -> list[dict[str, Any]]:
    found = [item for file in sorted(FOLDER.glob("*.yaml")) for item in yaml.safe_load_all(file.read_text())]
    return [item for item in found if item["kind"] in kinds]


def own() -> list[dict[str, Any]]:
    return objects(*(kind for _, kind in KINDS))


def groups() -> list[dict[str, Any]]:
    """The groups of pods of KubeRay's manifests, heads first."""
    specs = [cluster_spec(item) for item in objects(*MANIFESTS)]
    return [group for spec in specs for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def templates() -> list[dict[str, Any]]:
    return [item["template"] for item in (*groups(), *(stateful["spec"] for stateful in objects("StatefulSet")))]


def containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for template in templates():
        for container in template["spec"]["containers"]:
            yield template["spec"], container


def names(items: list[dict[str, Any]]) -> list[str]:
    return [item["name"] for item in items]


def test_every_object_is_checked() -> None:
    kinds = [item["kind"] for file in FOLDER.glob("*.yaml") for item in yaml.safe_load_all(file.read_text())]

    twice = ["Service", "StatefulSet"]  # of PostgreSQL and of Redis
    assert sorted(kinds) == sorted(["PersistentVolumeClaim", *MANIFESTS, *twice, *twice])


@pytest.mark.parametrize("item", own(), ids=lambda item: item["kind"])
def test_kubernetes_knows_every_field(item: dict[str, Any]) -> None:
    check(item, KINDS[item["apiVersion"], item["kind"]])


@pytest.mark.parametrize("template", templates(), ids=lambda template: template["spec"]["containers"][0]["name"])
def test_kubernetes_knows_every_field_of_the_pods(template: dict[str, Any]) -> None:
    check(template, core_v1.PodTemplateSpec)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": None, "imag": "x"}, "no field 'imag'"),
        ({"ports": [{"containerPort": "http"}]}, "Expected `int`"),
        ({"volumeMounts": [{"name": "runs"}]}, "missing required field `mountPath`"),
    ],
)
def test_mistakes_in_a_pod_are_refused(change: dict[str, Any], message: str) -> None:
    template = groups()[0]["template"]
    template["spec"]["containers"][0].update(change)

    with pytest.raises(ValueError, match=message):
        check(template, core_v1.PodTemplateSpec)


def test_pods_mount_volumes_that_they_have() -> None:
    claims = {
        claim["metadata"]["name"]
        for stateful in objects("StatefulSet")
        for claim in stateful["spec"]["volumeClaimTemplates"]
    }
    for spec, container in containers():
        volumes = names(spec.get("volumes", [])) or sorted(claims)
        assert set(names(container["volumeMounts"])) == set(volumes)


def test_claims_ask_for_storage() -> None:
    templates = [claim for stateful in objects("StatefulSet") for claim in stateful["spec"]["volumeClaimTemplates"]]

    for claim in (*objects("PersistentVolumeClaim"), *templates):
        assert list(claim["spec"]["resources"]["requests"]) == ["storage"]


def test_claims_that_pods_name_exist() -> None:
    claims = {item["metadata"]["name"] for item in objects("PersistentVolumeClaim")}
    named = {
        volume["persistentVolumeClaim"]["claimName"]
        for group in groups()
        for volume in group["template"]["spec"]["volumes"]
        if "persistentVolumeClaim" in volume
    }

    assert named == claims


def test_all_pods_share_the_folder_of_runs() -> None:
    claim = objects("PersistentVolumeClaim")[0]

    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for group in groups():
        mounts = group["template"]["spec"]["containers"][0]["volumeMounts"]
        assert {"name": "runs", "mountPath": "/opt/automathes/runs", "subPath": "runs"} in mounts


def test_passwords_come_from_secrets() -> None:
    secrets = set()
    for _, container in containers():
        for variable in container["env"]:
            if "valueFrom" in variable:
                secrets.add((variable["name"], *sorted(variable["valueFrom"]["secretKeyRef"].items())))
            else:
                assert "PASSWORD" not in variable["name"]
                assert "TOKEN" not in variable["name"]

    postgresql = (("key", "password"), ("name", "postgresql"))
    assert secrets == {
        ("POSTGRES_PASSWORD", *postgresql),
        ("PGPASSWORD", *postgresql),
        ("AUTOMATHES_TOKEN", ("key", "token"), ("name", "serving")),
        ("REDIS_PASSWORD", ("key", "password"), ("name", "redis")),
        ("HF_TOKEN", ("key", "token"), ("name", "huggingface"), ("optional", True)),
    }


def test_resources_have_names_and_memory_has_a_limit() -> None:
    for _, container in containers():
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        assert {*requests, *limits} <= RESOURCES
        assert requests["memory"] == limits["memory"]
        assert requests.get("nvidia.com/gpu") == limits.get("nvidia.com/gpu")
        assert all(isinstance(amount, str) for amount in (*requests.values(), *limits.values()))


def test_variables_are_ones_that_the_images_read() -> None:
    read = {
        "postgresql": {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PGDATA"},
        "redis": {"REDIS_PASSWORD"},
        "ray-head": {"PGPASSWORD", "HF_TOKEN", "HF_HOME", *METRICS},
        "ray-worker": {"PGPASSWORD", "HF_TOKEN", "HF_HOME", *METRICS},
    }
    for _, container in containers():
        assert set(names(container["env"])) - {"AUTOMATHES_TOKEN"} == read[container["name"]]  # a server's alone


def test_the_sandbox_may_isolate_on_every_pod_and_gpus_are_tolerated() -> None:
    for group in groups():
        spec = group["template"]["spec"]
        gpus = "nvidia.com/gpu" in spec["containers"][0]["resources"]["limits"]
        assert spec["containers"][0]["securityContext"] == {"privileged": True}
        assert spec["containers"][0]["image"].endswith(":gpu" if gpus else ":cpu")
        tolerated = [taint["key"] for taint in spec.get("tolerations", [])]
        assert tolerated == (["nvidia.com/gpu"] if gpus else [])


def test_the_store_is_found_by_its_service() -> None:
    service, stateful = objects("Service")[0], objects("StatefulSet")[0]
    labels = stateful["spec"]["template"]["metadata"]["labels"]
    container = stateful["spec"]["template"]["spec"]["containers"][0]

    assert service["spec"]["selector"] == labels == stateful["spec"]["selector"]["matchLabels"]
    assert stateful["spec"]["serviceName"] == service["metadata"]["name"]
    assert service["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"] == 5432


def test_everything_is_in_one_namespace() -> None:
    namespaces = {item["metadata"]["namespace"] for item in (*own(), *objects(*MANIFESTS))}

    assert namespaces == {"automathes"}
