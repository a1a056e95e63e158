"""Prometheus and Grafana read the files that the compose file and Kubernetes give them, and the files are current."""

import json
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE
from ray.dashboard.modules.metrics import grafana_dashboard_factory

from cluster.monitoring.dashboards import DASHBOARDS, LOOP
from cluster.monitoring.files import FILES, write_shared_files
from tests.cluster.monitoring.programs import needs_prometheus, promtool
from tests.cluster.ray.fields.prometheus_operator import PodMonitor, PrometheusRule
from tests.cluster.ray.files import RAY_FILES

BY_HAND = {"alerts.yaml", "kustomization.yaml", "kubernetes/podmonitor.yaml"}
DURATION = Field(pattern=r"^\d+(ms|s|m|h)$")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class JsonData(Strict):
    timeInterval: str = DURATION


class Datasource(Strict):
    name: str
    uid: str
    type: Literal["prometheus"]
    access: Literal["proxy"]
    url: str
    isDefault: bool
    jsonData: JsonData


class Datasources(Strict):
    """The fields of Grafana's provisioning of data sources that the file uses."""

    apiVersion: Literal[1]
    datasources: list[Datasource]


class Options(Strict):
    path: str


class Provider(Strict):
    name: str
    type: Literal["file"]
    allowUiUpdates: bool
    options: Options


class Providers(Strict):
    """The fields of Grafana's provisioning of dashboards that the file uses."""

    apiVersion: Literal[1]
    providers: list[Provider]


class Generated(Strict):
    labels: dict[str, str]
    disableNameSuffixHash: bool


class ConfigMaps(Strict):
    name: str
    files: list[str]
    options: Generated


class Kustomization(Strict):
    """The fields of a kustomization that the file uses."""

    apiVersion: Literal["kustomize.config.k8s.io/v1beta1"]
    kind: Literal["Kustomization"]
    namespace: str
    resources: list[str]
    configMapGenerator: list[ConfigMaps]


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((FILES / name).read_text())


def services() -> dict[str, Any]:
    return yaml.safe_load((RAY_FILES / "docker/compose.yaml").read_text())["services"]


def test_the_files_are_those_that_the_command_writes(tmp_path: Path) -> None:
    write_shared_files(tmp_path)
    made = {file.relative_to(tmp_path).as_posix(): file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    for name, text in made.items():
        assert (FILES / name).read_text() == text, f"{name}: run `automathes monitor --write cluster/monitoring/files`"
    kept = {file.relative_to(FILES).as_posix() for file in FILES.rglob("*") if file.is_file()}
    assert kept - set(made) == BY_HAND - {"alerts.yaml"}


@needs_prometheus
def test_prometheus_accepts_its_configuration_and_the_alerts() -> None:
    assert "SUCCESS" in promtool("check", "config", FILES / "prometheus.yaml")


def test_prometheus_reads_the_list_of_nodes_that_ray_keeps() -> None:
    (scraped,) = load("prometheus.yaml")["scrape_configs"]

    assert scraped["file_sd_configs"][0]["files"] == [f"/tmp/ray/{PROMETHEUS_SERVICE_DISCOVERY_FILE}"]


def test_grafana_reads_prometheus_as_often_as_it_scrapes() -> None:
    source = Datasources.model_validate(load("grafana-datasource.yaml")).datasources[0]

    host, port = source.url.removeprefix("http://").split(":")
    assert services()[host]["ports"][0].endswith(f":{port}")
    assert source.jsonData.timeInterval == load("prometheus.yaml")["global"]["scrape_interval"]


def test_grafana_finds_the_dashboards_where_they_are_mounted() -> None:
    provider = Providers.model_validate(load("grafana-dashboards.yaml")).providers[0]

    mounted = [volume.split(":")[1] for volume in services()["grafana"]["volumes"]]
    assert provider.options.path in mounted


def test_prometheus_has_the_files_that_its_command_names() -> None:
    prometheus = services()["prometheus"]
    (mount,) = [volume.split(":") for volume in prometheus["volumes"] if volume.startswith("../../monitoring/files:")]

    for option in ("--config.file=", "--web.console.templates="):
        (path,) = [word.removeprefix(option) for word in prometheus["command"] if word.startswith(option)]
        assert (FILES / Path(path).relative_to(mount[1])).exists()


def test_rays_metrics_tab_shows_the_dashboard_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable of Ray's, which the files of clusters set, and a run for the Ray that it starts."""
    monkeypatch.setenv("RAY_GRAFANA_DEFAULT_DASHBOARD_UID", LOOP.uid)
    _, shown = grafana_dashboard_factory.generate_default_grafana_dashboard()
    assert shown == LOOP.uid
    for file in (*RAY_FILES.glob("kubernetes/ray*.yaml"), *RAY_FILES.glob("launcher/*.yaml")):
        assert LOOP.uid in file.read_text(), file.name


def test_kubernetes_gets_every_dashboard_and_all_that_is_listed_exists() -> None:
    kustomization = Kustomization.model_validate(load("kustomization.yaml"))

    (dashboards,) = kustomization.configMapGenerator
    assert dashboards.files == [f"dashboards/{dashboard.name}.json" for dashboard in DASHBOARDS]
    assert all((FILES / name).is_file() for name in (*dashboards.files, *kustomization.resources))
    size = sum(len((FILES / name).read_bytes()) for name in dashboards.files)
    assert size < 1 << 20, "a ConfigMap holds 1 MiB"
    assert json.loads((FILES / dashboards.files[0]).read_text())["uid"] == LOOP.uid


def test_the_operator_knows_every_field_of_its_objects() -> None:
    rule = PrometheusRule.model_validate(load("kubernetes/prometheusrule.yaml"))
    PodMonitor.model_validate(load("kubernetes/podmonitor.yaml"))

    assert rule.spec.model_dump(exclude_unset=True, by_alias=True) == load("alerts.yaml")


def test_a_misspelt_field_of_the_operator_is_refused() -> None:
    monitor = load("kubernetes/podmonitor.yaml")
    monitor["spec"]["podMetricsEndpoint"] = monitor["spec"].pop("podMetricsEndpoints")

    with pytest.raises(ValidationError, match="podMetricsEndpoint"):
        PodMonitor.model_validate(monitor)


def test_the_operator_scrapes_the_port_that_the_pods_of_ray_have_under_the_name_that_alerts_use() -> None:
    endpoint = PodMonitor.model_validate(load("kubernetes/podmonitor.yaml")).spec.podMetricsEndpoints[0]
    head = yaml.safe_load((RAY_FILES / "kubernetes/raycluster.yaml").read_text())["spec"]["headGroupSpec"]

    assert endpoint.port in [port["name"] for port in head["template"]["spec"]["containers"][0]["ports"]]
    assert [(one.targetLabel, one.replacement) for one in endpoint.relabelings] == [("job", "ray")]
    assert 'job="ray"' in (FILES / "alerts.yaml").read_text()
