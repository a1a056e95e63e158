"""The list of what Prometheus scrapes names every live node of the connected Ray, and ends with the connection."""

import json
import time
import urllib.request
from pathlib import Path

import pytest

from cluster.ray.targets import metrics_addresses, targets_kept


@pytest.mark.usefixtures("ray_session")
def test_the_nodes_are_listed_in_prometheus_format_while_they_are_connected(tmp_path: Path) -> None:
    file = tmp_path / "targets/run.json"
    with targets_kept(file):
        deadline = time.monotonic() + 60.0
        while not file.exists():
            assert time.monotonic() < deadline, "the list was not written"
            time.sleep(0.1)
        (group,) = json.loads(file.read_text())
        assert group == {"labels": {"job": "ray"}, "targets": metrics_addresses()}
    assert not file.exists()


@pytest.mark.usefixtures("ray_session")
def test_a_listed_address_serves_metrics() -> None:
    (address,) = metrics_addresses()
    deadline, text = time.monotonic() + 60.0, ""
    while "ray_" not in text:
        assert time.monotonic() < deadline, text
        text = urllib.request.urlopen(f"http://{address}/metrics", timeout=10).read().decode()
        time.sleep(0.2)
