"""`automathes monitor`: Prometheus and Grafana with our dashboards beside a run, until Ctrl-C."""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from cluster.config.listening import free_port, is_loopback
from cluster.config.run_config import ConfigError, RaySettings
from cluster.config.run_folder import find_run_folder
from cluster.console.interrupt import signals_raise_keyboard_interrupt
from cluster.console.live_view import make_progress
from cluster.console.output import print_line
from cluster.monitoring.beside import HOST, Plan, started
from cluster.monitoring.dashboards import DASHBOARDS, LOOP
from cluster.monitoring.files import write_shared_files
from cluster.monitoring.programs import GET_GRAFANA, GET_PROMETHEUS, find_grafana, find_prometheus
from cluster.monitoring.prometheus import RAY_TARGETS
from cluster.monitoring.server import MonitoringError, Server

_READY_S = 120.0
_POLL_S = 1.0
_RAY_SILENCE_S = 60.0  # Ray writes its list of nodes every few seconds
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class _Scraped:
    """What is scraped: a run, or the Ray cluster of this machine. `ray` has the addresses that its dashboard knows."""

    name: str
    folder: Path
    targets: Path
    ray: RaySettings


def monitor(arguments: argparse.Namespace) -> int:
    """Start Prometheus, and Grafana where it is installed, and wait for Ctrl-C; or write their files (`--write`).

    Raises:
        ConfigError: there is no such run, a port is in use, or a program is not where it was said to be.
        MonitoringError: a server does not start, or has ended.
    """
    if arguments.write is not None:
        write_shared_files(arguments.write)
        print_line(f"written to {arguments.write}: dashboards, alerts, and the files that provision them")
        return 0
    scraped = _cluster(arguments) if arguments.cluster else _run(arguments)
    plan = _plan(scraped, arguments)
    for line in _missing(plan):
        print_line(line)
    if plan.prometheus is None and plan.grafana is None:
        raise MonitoringError("neither Prometheus nor Grafana is installed")
    progress = make_progress(Console())
    with signals_raise_keyboard_interrupt(), started(plan) as servers:
        try:
            with progress.phase(" and ".join(server.name for server in servers)):
                for server in servers:
                    server.wait_until_ready(_READY_S)
            for line in _welcome(scraped, plan):
                print_line(line)
            _wait(servers, until_ray_ends(scraped.targets) if arguments.cluster else _never)
            progress.note("the Ray of this machine has ended")
        except KeyboardInterrupt:
            progress.note("shutting down")
    return 0


def _run(arguments: argparse.Namespace) -> _Scraped:
    folder = find_run_folder(arguments.runs, arguments.run)
    targets = folder.metrics_targets("*")
    own = arguments.folder or folder.monitoring
    return _Scraped(f"run {folder.path.name}", own.absolute(), targets, folder.read_config().ray)


def _cluster(arguments: argparse.Namespace) -> _Scraped:
    folder = arguments.folder or arguments.runs / "monitoring"
    return _Scraped("Ray on this machine", folder.absolute(), Path(RAY_TARGETS), RaySettings())


def _plan(scraped: _Scraped, arguments: argparse.Namespace) -> Plan:
    prometheus, grafana = find_prometheus(arguments.prometheus), find_grafana(arguments.grafana)
    ray = scraped.ray
    return Plan(
        scraped.folder,
        str(scraped.targets),
        prometheus,
        grafana,
        _port("--prometheus-port", arguments.prometheus_port, "ray.prometheus_url", ray.prometheus_url, prometheus),
        _port("--grafana-port", arguments.grafana_port, "ray.grafana_url", ray.grafana_url, grafana),
        arguments.every,
    )


def _port(option: str, chosen: int | None, setting: str, url: str, program: Path | None) -> int:
    """The port that was chosen, or the one that Ray's dashboard knows; checked if something is to be started there."""
    parts = urlsplit(url)
    if chosen is None and program is not None and not is_loopback(parts.hostname or ""):
        raise ConfigError(
            f"{setting} is {url}, a server on another machine: `automathes monitor --write FOLDER` writes the files "
            f"for it. To start one here in spite of it, choose a port with {option}"
        )
    port = chosen if chosen is not None else parts.port or _PORTS[parts.scheme]
    return free_port(HOST, port, option) if program is not None else port


def _missing(plan: Plan) -> Iterator[str]:
    if plan.prometheus is None:
        yield f"Prometheus is not installed. {GET_PROMETHEUS}."
    if plan.grafana is None:
        yield f"Grafana is not installed, and Ray's Metrics tab needs it. It comes {GET_GRAFANA}."


def _welcome(scraped: _Scraped, plan: Plan) -> Iterator[str]:
    if not list(scraped.targets.parent.glob(scraped.targets.name)):
        yield f"{scraped.name} is not running: its metrics appear once it is"
    if plan.prometheus is not None:
        yield f"Prometheus: {plan.prometheus_url}/consoles/index.html (graphs and alerts)"
    if plan.grafana is not None:
        names = ", ".join(dashboard.name for dashboard in DASHBOARDS)
        yield f"Grafana: {plan.grafana_url}/d/{LOOP.uid} (dashboards: {names})"
        yield from _about_the_tab(scraped.ray, plan)
    yield f"{scraped.name} is scraped into {scraped.folder} (Ctrl-C ends this; the data stays)"


def _about_the_tab(ray: RaySettings, plan: Plan) -> Iterator[str]:
    """Whether Ray's dashboard finds the two: it was told their addresses when it started."""
    asked = {"ray.prometheus_url": plan.prometheus_url, "ray.grafana_url": plan.grafana_url}
    known = {"ray.prometheus_url": ray.prometheus_url, "ray.grafana_url": ray.grafana_url}
    if all(urlsplit(asked[key]).port == urlsplit(known[key]).port for key in asked):
        yield "Ray's dashboard shows the loop in its Metrics tab"
    else:
        settings = " ".join(f"--set {key}={url}" for key, url in asked.items())
        yield f"Ray's Metrics tab looks for them elsewhere; it finds them in a run that starts with {settings}"


def _never() -> bool:
    return False


def until_ray_ends(targets: Path) -> Callable[[], bool]:
    """A condition that holds once Ray no longer writes its list of nodes, which it may not have begun to yet."""
    began = False

    def has_ended() -> bool:
        nonlocal began
        try:
            is_fresh = time.time() - targets.stat().st_mtime < _RAY_SILENCE_S
        except OSError:
            is_fresh = False
        began = began or is_fresh
        return began and not is_fresh

    return has_ended


def _wait(servers: list[Server], is_over: Callable[[], bool]) -> None:
    """Wait for Ctrl-C or until it is over. Raise `MonitoringError` if a server ends."""
    while not is_over():
        time.sleep(_POLL_S)
        for server in servers:
            server.require_alive()
