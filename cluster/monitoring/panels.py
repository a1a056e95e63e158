"""What a dashboard shows: panels with queries. Grafana's JSON and the tables of the guide are made from them."""

from dataclasses import dataclass
from typing import Literal

from cluster.monitoring.queries import Query

type Unit = Literal["short", "s", "percentunit", "ops", "reqps", "none"]


@dataclass(frozen=True, slots=True)
class Panel:
    """A graph, or the latest value (`stat`). `about` says in a line what it shows.

    `width`: columns of the 24 that a row has. `id`: where another program names the panel by it; else panels are
    numbered.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    stacked: bool = False
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Panels on one page; `name` is part of its address."""

    name: str
    about: str
    panels: tuple[Panel, ...]

    @property
    def uid(self) -> str:
        """What Grafana, and Ray's Metrics tab, call it."""
        return f"automathes-{self.name}"

    @property
    def title(self) -> str:
        """The title of the page."""
        return f"Automathes: {self.name}"
