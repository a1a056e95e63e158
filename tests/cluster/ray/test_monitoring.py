"""The files of Prometheus and Grafana have only fields that the two read, and point at what Ray writes."""

from typing import Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ray._private.ray_constants import PROMETHEUS_SERVICE_DISCOVERY_FILE

from tests.cluster.ray.files import RAY_FILES

FOLDER = RAY_FILES / "docker"
DURATION = Field(pattern=r"^\d+(ms|s|m|h)$")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Global(Strict):
    scrape_interval: str = DURATION


class FileDiscovery(Strict):
    files: list[str] = Field(min_length=1)
    refresh_interval: str = DURATION


class ScrapeConfig(Strict):
    job_name: str
    file_sd_configs: list[FileDiscovery]


class Prometheus(Strict):
    """The fields of Prometheus 3's configuration that the file uses."""

    global_: Global = Field(alias="global")
    scrape_configs: list[ScrapeConfig]


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


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text())


def test_prometheus_reads_the_list_of_nodes_that_ray_keeps() -> None:
    config = Prometheus.model_validate(load("prometheus.yaml"))

    files = [file for scrape in config.scrape_configs for found in scrape.file_sd_configs for file in found.files]
    assert files == [f"/tmp/ray/{PROMETHEUS_SERVICE_DISCOVERY_FILE}"]


def test_grafana_reads_prometheus_as_often_as_it_scrapes() -> None:
    source = Datasources.model_validate(load("grafana-datasource.yaml")).datasources[0]
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]

    host, port = source.url.removeprefix("http://").split(":")
    assert services[host]["ports"][0].endswith(f":{port}")
    assert source.jsonData.timeInterval == load("prometheus.yaml")["global"]["scrape_interval"]


def test_a_misspelt_field_is_refused() -> None:
    config = load("prometheus.yaml")
    config["scrape_configs"][0]["file_sd_config"] = config["scrape_configs"][0].pop("file_sd_configs")

    with pytest.raises(ValidationError, match="file_sd_config"):
        Prometheus.model_validate(config)
