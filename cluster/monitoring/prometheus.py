"""Prometheus' files: its configuration, and a page of links to graphs of what the dashboards show."""

import json
from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from cluster.monitoring.panels import Dashboard
from cluster.monitoring.queries import RATE, RUN, SESSION

SCRAPE_S = 10
"""Ray's nodes collect what actors report as often."""
RAY_TARGETS = "/tmp/ray/prom_metrics_service_discovery.json"  # noqa: S108 - Ray keeps it there
"""Where the head of a cluster lists the metrics ports of its nodes, of its dashboard and of its autoscaler."""

_DISCOVERY_S = 5
_WINDOW = "1m"


def prometheus_yaml(targets: str, alerts: str, scrape_s: int = SCRAPE_S) -> str:
    """The configuration that scrapes what `targets` lists, a path or pattern, and evaluates the alerts as often."""
    return f"""\
global:
  scrape_interval: {scrape_s}s
  evaluation_interval: {scrape_s}s

rule_files: [{json.dumps(alerts)}]

scrape_configs:
  - job_name: ray
    file_sd_configs:
      - files: [{json.dumps(targets)}]
        refresh_interval: {_DISCOVERY_S}s
    metric_relabel_configs:
      - {{action: labeldrop, regex: otel_scope_.*}}  # the same for all series
"""


def plain(expr: str) -> str:
    """An expression without the variables of the dashboards: of all runs and sessions."""
    for variable, value in ((SESSION, ".*"), (RUN, ".*"), (RATE, _WINDOW)):
        expr = expr.replace(variable, value)
    return expr


def links_page(dashboards: Sequence[Dashboard]) -> str:
    """A page for Prometheus to serve where there is no Grafana: alerts, and links to graphs of the dashboards.

    Prometheus fills in the alerts and what it scrapes. It has pages on them, which Debian's has elsewhere.
    """
    items = "\n".join(
        f'<li><a href="{escape(_graphs(dashboard))}">{escape(dashboard.title)}</a>: {escape(dashboard.about)}</li>'
        for dashboard in dashboards
    )
    return _PAGE.replace("ITEMS", items)


def _graphs(dashboard: Dashboard) -> str:
    queries = [plain(query.expr) for panel in dashboard.panels for query in panel.queries]
    graphs: dict[str, str] = {}
    for number, expr in enumerate(queries):
        graphs |= {f"g{number}.expr": expr, f"g{number}.tab": "0", f"g{number}.range_input": "1h"}
    return f"/graph?{urlencode(graphs)}"


_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Automathes</title></head>
<body style="font: 16px/1.6 system-ui, sans-serif; max-width: 45em; margin: 3em auto; padding: 0 1em">
<h1>Automathes</h1>
<p>Graphs of what the dashboards show. Grafana has the dashboards themselves.</p>
<ul>
ITEMS
</ul>
<h2>Alerts</h2>
<ul>
{{ range query "ALERTS" }}
<li>{{ .Labels.alertname }} ({{ .Labels.alertstate }}):
{{ .Labels.run }} {{ .Labels.sampler }} {{ .Labels.instance }}</li>
{{ else }}
<li>none</li>
{{ end }}
</ul>
<h2>What is scraped</h2>
<ul>
{{ range query "up" }}
<li>{{ .Labels.instance }}: {{ if eq .Value 1.0 }}answers{{ else }}does not answer{{ end }}</li>
{{ else }}
<li>nothing yet</li>
{{ end }}
</ul>
</body>
</html>
"""
