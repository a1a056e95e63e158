"""The files of Prometheus and Grafana: those of a run, and those that cluster files mount."""

import json
from pathlib import Path
from textwrap import indent

from cluster.monitoring.dashboards import DASHBOARDS
from cluster.monitoring.grafana import dashboard_json, datasource_yaml, provider_yaml
from cluster.monitoring.prometheus import RAY_TARGETS, links_page, prometheus_yaml

FILES = Path(__file__).with_name("files")
"""The files that `write_shared_files` wrote, and the alerts, which are written by hand."""
ALERTS = "alerts.yaml"

_MADE = "# Made by `automathes monitor --write`. Change cluster/monitoring/ instead.\n"
_RULE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: automathes, namespace: automathes, labels: {release: prometheus}}  # EDIT: the operator's label
spec:
"""


def write_shared_files(folder: Path) -> None:
    """Write what servers elsewhere mount or import, beside the alerts. Paths are those of docs/monitoring.md."""
    write_dashboards(folder / "dashboards")
    write_links(folder / "consoles")
    _write(folder / "prometheus.yaml", _MADE + prometheus_yaml(RAY_TARGETS, ALERTS))
    _write(folder / "grafana-datasource.yaml", _MADE + datasource_yaml("http://prometheus:9090"))
    _write(folder / "grafana-dashboards.yaml", _MADE + provider_yaml("/etc/automathes/dashboards"))
    alerts = (FILES / ALERTS).read_text(encoding="utf-8")
    _write(folder / ALERTS, alerts)
    _write(folder / "kubernetes/prometheusrule.yaml", _MADE + _RULE + indent(alerts, "  "))


def write_prometheus_files(folder: Path, targets: str, scrape_s: int) -> Path:
    """Write the files of a Prometheus that scrapes `targets`; returns its configuration."""
    write_links(folder / "consoles")
    config = folder / "prometheus.yaml"
    _write(config, prometheus_yaml(targets, str(FILES / ALERTS), scrape_s))
    return config


def write_grafana_files(folder: Path, prometheus_url: str, scrape_s: int) -> None:
    """Write the provisioning of a Grafana that reads from a Prometheus."""
    dashboards = folder / "dashboards"
    write_dashboards(dashboards)
    _write_dashboards_of_ray(dashboards)
    _write(folder / "provisioning/datasources/automathes.yaml", datasource_yaml(prometheus_url, scrape_s))
    _write(folder / "provisioning/dashboards/automathes.yaml", provider_yaml(str(dashboards)))


def write_dashboards(folder: Path) -> None:
    """Write each dashboard as Grafana's JSON."""
    for dashboard in DASHBOARDS:
        _write(folder / f"{dashboard.name}.json", json.dumps(dashboard_json(dashboard), indent=1) + "\n")


def _write_dashboards_of_ray(folder: Path) -> None:
    """Write Ray's own dashboards: its pages on Serve show panels of them, and a second tab that on Ray Data."""
    from ray.dashboard.modules.metrics import grafana_dashboard_factory as factory

    ours = {dashboard.uid for dashboard in DASHBOARDS}
    for content, uid in (
        factory.generate_default_grafana_dashboard(),
        factory.generate_data_grafana_dashboard(),
        factory.generate_serve_grafana_dashboard(),
        factory.generate_serve_deployment_grafana_dashboard(),
    ):
        if uid not in ours:  # as the variables of the environment may have it
            _write(folder / f"{uid}.json", content)


def write_links(folder: Path) -> None:
    """Write the page that Prometheus serves at /consoles/index.html."""
    _write(folder / "index.html", links_page(DASHBOARDS))


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
