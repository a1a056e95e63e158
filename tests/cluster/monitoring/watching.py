"""A real Prometheus beside a run, as `automathes monitor` starts it."""

import json
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cluster.config.machine import find_gpus
from cluster.monitoring.dashboards import DASHBOARDS
from cluster.monitoring.prometheus import plain

from ..driving import automathes, wait_for

FAST = {"RAY_metrics_report_interval_ms": "1000"}
"""Has Ray report each second what it reports every ten."""
_STEP_S = 2


@dataclass(frozen=True)
class Watch:
    """Queries a Prometheus over the time since it was started."""

    url: str
    since_s: float

    def series(self, query: str) -> list[float]:
        """The latest value of each series of an expression that there was at any time."""
        found = self._get("query_range", query=query, start=self.since_s, end=time.time(), step=_STEP_S)
        return [float(series["values"][-1][1]) for series in found["result"]]

    def _get(self, path: str, **parameters: Any) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]


@contextmanager
def watching(run: Path) -> Iterator[Watch | None]:
    """A watch over a run for the time of the context; None where Prometheus is not installed."""
    if shutil.which("prometheus") is None:
        yield None
        return
    log = run.parent / "monitor.txt"
    with automathes(log, "monitor", "--run", str(run), "--prometheus-port", "0", "--every", "1") as command:
        wait_for(command, log, lambda: "Ctrl-C" in log.read_text(), "Prometheus")
        (url,) = re.findall(r"Prometheus: (http://[\d.:]+)/", log.read_text())
        yield Watch(url, time.time())


def shown_queries() -> list[Any]:
    """What each panel asks for, of all runs. A server's are left out: there is none beside this run."""
    return [
        pytest.param(plain(query.expr), id=f"{board.name}: {panel.title}, {query.legend}")
        for board in DASHBOARDS
        if board.name != "serving"
        for panel in board.panels
        for query in panel.queries
    ]


def has_gpus() -> bool:
    """Whether this machine has any."""
    return bool(find_gpus())
