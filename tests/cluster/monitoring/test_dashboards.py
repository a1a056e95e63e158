"""Each panel asks for metrics that the product has, in PromQL that Prometheus parses, and Grafana can show it."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.monitoring.dashboards import DASHBOARDS, LOOP
from cluster.monitoring.grafana import dashboard_json, settings_ini
from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.prometheus import links_page, plain

from .metrics import OF_RAY, SERVING, declared, grouped_by, named
from .programs import needs_prometheus, promtool

PANELS = [pytest.param(panel, id=f"{board.name}: {panel.title}") for board in DASHBOARDS for panel in board.panels]
RAYS = {
    "ray_node_cpu_utilization",
    "ray_node_disk_free",
    "ray_node_disk_usage",
    "ray_node_gpus_utilization",
    "ray_node_mem_total",
    "ray_node_mem_used",
}
EMBEDDED = {24: "Node count", 41: "Cluster utilization"}
"""The panels of the dashboard behind its Metrics tab that Ray's Overview page shows, by number."""


@pytest.fixture(params=DASHBOARDS, ids=lambda dashboard: dashboard.name)
def dashboard(request: pytest.FixtureRequest) -> Dashboard:
    return request.param


@pytest.fixture
def made(dashboard: Dashboard) -> dict[str, Any]:
    return json.loads(json.dumps(dashboard_json(dashboard)))


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_shows_metrics_that_the_product_has_by_labels_that_they_have(
    panel: Panel, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = declared(monkeypatch) | SERVING
    for query in panel.queries:
        labels = set(OF_RAY)
        for name, chosen_by in named(query.expr):
            assert name in known or name in RAYS, name
            assert chosen_by <= known.get(name, set()) | OF_RAY, name
            labels |= known.get(name, set())
        assert grouped_by(query.expr) <= labels


def test_every_metric_of_the_product_is_on_a_dashboard(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {
        name
        for board in DASHBOARDS
        for panel in board.panels
        for query in panel.queries
        for name, _ in named(query.expr)
    }
    left_out = {  # the shares by iteration and the live rates say more
        "ray_automathes_loop_fault_share",
        "ray_automathes_loop_is_sampling",
        "ray_automathes_loop_loss",
        "ray_automathes_loop_tokens_per_s",
    }
    assert set(declared(monkeypatch)) - shown == left_out


@needs_prometheus
def test_prometheus_parses_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": "panel", "expr": plain(query.expr)}
        for board in DASHBOARDS
        for panel in board.panels
        for query in panel.queries
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert f"{len(rules)} rules found" in promtool("check", "rules", "--lint=none", file)


def test_panels_have_numbers_of_their_own_and_do_not_overlap(made: dict[str, Any]) -> None:
    panels = made["panels"]
    assert max(Counter(panel["id"] for panel in panels).values()) == 1
    for panel in panels:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)


def test_rows_are_full(made: dict[str, Any]) -> None:
    widths: Counter[int] = Counter()
    for panel in made["panels"]:
        widths[panel["gridPos"]["y"]] += panel["gridPos"]["w"]
    assert set(list(widths.values())[:-1]) <= {24}


def test_variables_that_queries_use_are_declared_and_ray_can_set_them(made: dict[str, Any]) -> None:
    variables = {variable["name"] for variable in made["templating"]["list"]}
    assert {"datasource", "SessionName"} <= variables, "Ray's Metrics tab sets these two"
    for panel in made["panels"]:
        assert panel["datasource"]["uid"] == "${datasource}"
        for target in panel["targets"]:
            used = {word for word in ("SessionName", "run") if f"${word}" in target["expr"]}
            assert used <= variables


def test_queries_of_a_panel_have_names_of_their_own_and_legends_of_labels_that_are_left(made: dict[str, Any]) -> None:
    for panel in made["panels"]:
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names)
        assert all(target["legendFormat"] for target in panel["targets"])


def test_names_and_addresses_of_dashboards_are_different() -> None:
    assert len({board.uid for board in DASHBOARDS}) == len({board.title for board in DASHBOARDS}) == 5


def test_rays_overview_page_finds_its_panels_on_the_dashboard_of_the_loop() -> None:
    titles = {panel["id"]: panel["title"] for panel in dashboard_json(LOOP)["panels"]}
    assert {number: titles.get(number) for number in EMBEDDED} == EMBEDDED


def test_grafana_is_open_to_this_machine_alone_and_nobody_can_change_it(tmp_path: Path) -> None:
    from configparser import ConfigParser

    settings = ConfigParser()
    settings.read_string(settings_ini(tmp_path, 3000))
    assert settings["server"]["http_addr"] == "127.0.0.1"
    assert settings["auth.anonymous"]["org_role"] == "Viewer"
    assert settings["auth"]["disable_login_form"] == "true"
    assert settings["auth.basic"]["enabled"] == "false"
    assert settings["security"]["allow_embedding"] == "true"


def test_the_page_of_links_has_every_dashboard_without_its_variables() -> None:
    page = links_page(DASHBOARDS)
    assert all(board.title in page for board in DASHBOARDS)
    assert not re.search(r"\$|%24", page)
