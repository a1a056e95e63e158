"""Grafana's files: the JSON of a dashboard, and the provisioning of the data source and of the dashboards."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.prometheus import SCRAPE_S

_DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS = 24
_HEIGHTS = {"stat": 4, "timeseries": 8}
_SCHEMA_VERSION = 39  # of Grafana 10.2 to 11.1; later ones read it, and migrate what they show
_TAG = "automathes"
DATASOURCE_NAME = "Prometheus"
"""Ray's dashboard names the data source so when it shows ours, unless RAY_PROMETHEUS_NAME has another name."""


def dashboard_json(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana stores it."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": [_TAG],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,  # the cross-hair is in all panels
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "10s",
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [_link_to_the_others()],
        "templating": {"list": [_datasource(), _session(), _run()]},
        "panels": [_panel(panel, number, position) for panel, number, position in placed(dashboard.panels)],
    }


def placed(panels: Sequence[Panel]) -> Iterator[tuple[Panel, int, dict[str, int]]]:
    """Each panel with its id and its place: from left to right, in a new row where the height changes."""
    x, y, row_height = 0, 0, 0
    taken = {panel.id for panel in panels}
    numbers = (number for number in range(1, 1000) if number not in taken)
    for panel in panels:
        height = _HEIGHTS[panel.kind]
        if x + panel.width > _COLUMNS or (x and height != row_height):
            x, y = 0, y + row_height
        row_height = height
        yield panel, panel.id or next(numbers), {"x": x, "y": y, "w": panel.width, "h": height}
        x += panel.width


def datasource_yaml(url: str, scrape_s: int = SCRAPE_S) -> str:
    """The provisioning of Prometheus as the data source; Grafana asks it for points as often as it scrapes."""
    return f"""\
apiVersion: 1

datasources:
  - name: {DATASOURCE_NAME}
    uid: prometheus
    type: prometheus
    access: proxy
    url: {url}
    isDefault: true
    jsonData: {{timeInterval: {scrape_s}s}}
"""


def provider_yaml(folder: str) -> str:
    """The provisioning of all dashboards in a folder."""
    return f"""\
apiVersion: 1

providers:
  - name: Automathes
    type: file
    allowUiUpdates: false
    options: {{path: {json.dumps(folder)}}}
"""


def settings_ini(folder: Path, port: int) -> str:
    """The settings of a Grafana for this machine alone: anyone here may look, nobody may change anything.

    Ray's dashboard shows it in a frame, which Grafana forbids by default.
    """
    sections: dict[str, dict[str, object]] = {
        "server": {"http_addr": "127.0.0.1", "http_port": port},
        "paths": {"data": folder / "data", "logs": folder / "logs", "provisioning": folder / "provisioning"},
        "security": {"allow_embedding": "true"},
        "auth": {"disable_login_form": "true"},
        "auth.basic": {"enabled": "false"},
        "auth.anonymous": {"enabled": "true", "org_role": "Viewer"},
        "analytics": {"reporting_enabled": "false", "check_for_updates": "false", "check_for_plugin_updates": "false"},
        "news": {"news_feed_enabled": "false"},
        "plugins": {"preinstall_disabled": "true"},
    }
    blocks = ("\n".join((f"[{name}]", *(f"{k} = {v}" for k, v in keys.items()))) for name, keys in sections.items())
    return "\n\n".join(blocks) + "\n"


# ---------------------------------------------------------------- panels


def _panel(panel: Panel, number: int, position: dict[str, int]) -> dict[str, Any]:
    options, custom = _STYLES[panel.kind]
    defaults: dict[str, Any] = {"unit": panel.unit, "color": {"mode": "palette-classic"}, "custom": custom(panel)}
    if panel.unit == "percentunit":
        defaults |= {"min": 0, "max": 1}
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _DATASOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
            }
            for index, query in enumerate(panel.queries)
        ],
    }


def _graph(panel: Panel) -> dict[str, Any]:
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }


def _value(_: Panel) -> dict[str, Any]:
    return {}


_STYLES = {
    "timeseries": (
        {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        _graph,
    ),
    "stat": (
        {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "orientation": "auto",
            "textMode": "auto",
            "colorMode": "value",
            "graphMode": "area",
            "justifyMode": "auto",
            "wideLayout": True,
            "showPercentChange": False,
            "percentChangeColorMode": "standard",
        },
        _value,
    ),
}


# ---------------------------------------------------------------- variables and links


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 2}


def _session() -> dict[str, Any]:
    return _values_of("SessionName", "Ray session", "label_values(ray_node_cpu_utilization, SessionName)")


def _run() -> dict[str, Any]:
    return _values_of("run", "Run", 'label_values(ray_automathes_loop_seen_seconds{SessionName=~"$SessionName"}, run)')


def _values_of(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,  # when the time range changes
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def _link_to_the_others() -> dict[str, Any]:
    return {
        "title": "Automathes",
        "type": "dashboards",
        "tags": [_TAG],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
