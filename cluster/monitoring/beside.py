"""Prometheus and Grafana beside a run: their files in one folder, their processes for the time of a context."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster.monitoring.files import write_grafana_files, write_prometheus_files
from cluster.monitoring.grafana import settings_ini
from cluster.monitoring.programs import grafana_home
from cluster.monitoring.server import Server, running

HOST = "127.0.0.1"
_KEPT = "30d"
_KEPT_SIZE = "8GB"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is started: a program is None where there is none. `targets`: the file, or pattern of files, with addresses.

    `folder` holds configuration, logs and data. Those that are started again find their data there.
    """

    folder: Path
    targets: str
    prometheus: Path | None
    grafana: Path | None
    prometheus_port: int
    grafana_port: int
    scrape_s: int

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus serves."""
        return f"http://{HOST}:{self.prometheus_port}"

    @property
    def grafana_url(self) -> str:
        """Where Grafana serves."""
        return f"http://{HOST}:{self.grafana_port}"


@contextmanager
def started(plan: Plan) -> Iterator[list[Server]]:
    """The servers of a plan for the time of the context; they may not be ready yet.

    Raises:
        ConfigError: Grafana's pages are not found.
        MonitoringError: a program cannot be run.
    """
    with ExitStack() as stack:
        servers = []
        if plan.prometheus is not None:
            servers.append(stack.enter_context(_prometheus(plan, plan.prometheus)))
        if plan.grafana is not None:
            servers.append(stack.enter_context(_grafana(plan, plan.grafana)))
        yield servers


@contextmanager
def _prometheus(plan: Plan, program: Path) -> Iterator[Server]:
    folder = plan.folder / "prometheus"
    config = write_prometheus_files(folder, plan.targets, plan.scrape_s)
    command = [
        str(program),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={_KEPT}",
        f"--storage.tsdb.retention.size={_KEPT_SIZE}",
        f"--web.console.templates={folder / 'consoles'}",
        f"--web.listen-address={HOST}:{plan.prometheus_port}",
    ]
    with running("Prometheus", command, f"{plan.prometheus_url}/-/ready", folder / "log.txt") as server:
        yield server


@contextmanager
def _grafana(plan: Plan, program: Path) -> Iterator[Server]:
    folder = plan.folder / "grafana"
    write_grafana_files(folder, plan.prometheus_url, plan.scrape_s)
    settings = folder / "grafana.ini"
    settings.write_text(settings_ini(folder, plan.grafana_port), encoding="utf-8")
    arguments = [f"--homepath={grafana_home(program)}", f"--config={settings}"]
    command = [str(program), *(["server"] if program.name == "grafana" else []), *arguments]
    with running("Grafana", command, f"{plan.grafana_url}/api/health", folder / "log.txt") as server:
        yield server
