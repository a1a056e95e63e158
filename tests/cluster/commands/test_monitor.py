"""`automathes monitor` says what is missing and how to get it, where servers are, and whether Ray looks there."""

import os
import re
import urllib.request
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.commands.monitor import until_ray_ends
from cluster.config.run_folder import RunFolder
from cluster.monitoring.programs import find_grafana, grafana_home
from tests.cluster.monitoring.programs import needs_prometheus

from ..driving import automathes, wait_for


@pytest.fixture
def no_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without Prometheus and Grafana."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("cluster.monitoring.programs._GRAFANA_HOMES", ())


@pytest.mark.usefixtures("no_programs")
def test_a_machine_with_neither_is_told_how_to_get_both(run: RunFolder, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--run", str(run.path)]) == 1
    out, err = capfd.readouterr()
    assert "Prometheus is not installed. Debian, Ubuntu: apt-get install prometheus" in out
    assert "Grafana is not installed" in out
    assert "neither Prometheus nor Grafana is installed" in err


@pytest.mark.parametrize("option", ["--prometheus", "--grafana"])
def test_a_program_that_is_none_is_refused(run: RunFolder, option: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--run", str(run.path), option, "/no/such/program"]) == 2
    assert f"{option} /no/such/program is not a program" in capfd.readouterr().err


@needs_prometheus
def test_a_prometheus_elsewhere_is_left_to_its_owners(run: RunFolder, capfd: pytest.CaptureFixture[str]) -> None:
    run.write_config(run.read_config(["ray.prometheus_url=http://192.0.2.7:9090"]))
    assert main(["monitor", "--run", str(run.path)]) == 2
    assert "ray.prometheus_url is http://192.0.2.7:9090, a server on another machine" in capfd.readouterr().err


def test_the_files_can_be_had_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", "--write", str(tmp_path / "files")]) == 0
    assert len(list((tmp_path / "files/dashboards").glob("*.json"))) == 5
    assert f"written to {tmp_path / 'files'}" in capsys.readouterr().out


def test_a_wrong_address_of_a_server_is_refused(run: RunFolder, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--preset", "demo", "--dry-run", "--set", "ray.grafana_url=localhost:3000"]
    assert main(arguments) == 2
    assert "ray.grafana_url" in capfd.readouterr().err


def grafana(folder: Path) -> Path:
    """A stand-in for Grafana, which no registry of packages has: it serves its health, and keeps its arguments."""
    program = folder / "grafana-12/bin/grafana"
    program.parent.mkdir(parents=True)
    (folder / "grafana-12/public").mkdir()
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return program


STAND_IN = """#!/usr/bin/env python3
import configparser, http.server, pathlib, sys
arguments = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[2:])
pathlib.Path(sys.argv[0]).with_name("arguments.txt").write_text("\\n".join(sys.argv[1:]))
settings = configparser.ConfigParser()
settings.read(arguments["config"])
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
address = settings["server"]["http_addr"], int(settings["server"]["http_port"])
http.server.HTTPServer(address, Health).serve_forever()
"""


def test_the_pages_of_grafana_are_found_beside_its_program(tmp_path: Path) -> None:
    program = grafana(tmp_path)
    assert find_grafana(program) == program
    assert grafana_home(program) == tmp_path / "grafana-12"


@needs_prometheus
def test_both_are_started_with_the_files_of_the_run_and_ended_with_the_command(run: RunFolder, tmp_path: Path) -> None:
    program, log = grafana(tmp_path), tmp_path / "output.txt"
    ports = ["--prometheus-port", "0", "--grafana-port", "0"]
    with automathes(log, "monitor", "--run", str(run.path), "--grafana", str(program), *ports) as command:
        wait_for(command, log, lambda: "Ctrl-C" in log.read_text(), "both servers")
        page = urllib.request.urlopen(re.findall(r"Prometheus: (\S+)", log.read_text())[0], timeout=60).read().decode()
        command.terminate()
        assert command.wait(timeout=60) == 0
    assert "<li>none</li>" in page, "Prometheus fills in the alerts"
    assert "<li>nothing yet</li>" in page
    printed = log.read_text()
    assert "run test-1 is not running: its metrics appear once it is" in printed
    assert "/d/automathes-loop (dashboards: loop, sampling, sandbox, learner, serving)" in printed
    assert "Ray's Metrics tab looks for them elsewhere" in printed, "the ports are not those that Ray was told"
    folder = run.monitoring / "grafana"
    assert program.with_name("arguments.txt").read_text().splitlines() == [
        "server",
        f"--homepath={program.parents[1]}",
        f"--config={folder / 'grafana.ini'}",
    ]
    names = {file.stem for file in (folder / "dashboards").glob("*.json")}
    assert {"loop", "sampling", "sandbox", "learner", "serving", "rayServeDashboard"} <= names
    assert not [pid for pid in os.listdir("/proc") if pid.isdigit() and holds(pid, str(run.path))]


def holds(pid: str, folder: str) -> bool:
    """Whether a process was started with files of a folder."""
    try:
        return folder in Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return False


def test_beside_a_cluster_it_ends_once_ray_lists_its_nodes_no_more(tmp_path: Path) -> None:
    targets = tmp_path / "targets.json"
    has_ended = until_ray_ends(targets)
    assert not has_ended(), "Ray may start later"
    targets.write_text("[]")
    assert not has_ended()
    os.utime(targets, (0, 0))
    assert has_ended()
