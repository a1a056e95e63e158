"""The guide's table lists what the dashboards show."""

from cluster.monitoring.dashboards import DASHBOARDS
from cluster.monitoring.panels import Dashboard, Panel
from tests.cluster.ray.files import REPOSITORY, rows_of

from .metrics import named

GUIDE = REPOSITORY / "docs/monitoring.md"


def row_of(dashboard: Dashboard, panel: Panel) -> list[str]:
    names = dict.fromkeys(name for query in panel.queries for name, _ in named(query.expr))
    shown = ", ".join(f"`{name.removeprefix('ray_automathes_')}`" for name in names)
    return [dashboard.name, panel.title, panel.about, shown]


def test_the_guide_lists_every_panel_with_its_metrics() -> None:
    expected = [row_of(dashboard, panel) for dashboard in DASHBOARDS for panel in dashboard.panels]
    listed = [row for row in rows_of(GUIDE) if row[0] in {dashboard.name for dashboard in DASHBOARDS}]
    assert listed == expected, "\n".join(f"| {' | '.join(row)} |" for row in expected)


def test_the_guide_says_what_each_dashboard_is_for() -> None:
    text = GUIDE.read_text()
    assert all(f"**{dashboard.name}**: {dashboard.about}" in text for dashboard in DASHBOARDS)
