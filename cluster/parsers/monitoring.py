"""The parser of `automathes monitor`."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_run_options, count


def add_monitor(commands: Commands) -> None:
    """The parser of `automathes monitor`."""
    text = "start Prometheus and Grafana beside a run, with dashboards and alerts, until Ctrl-C"
    example = """automathes monitor
         automathes monitor --run runs/demo-1 --prometheus-port 9091
         automathes monitor --write monitoring      (the files alone, for servers that you have)"""
    parser = add_command(commands, "monitor", "monitor:monitor", text, example)
    add_run_options(parser)
    add = parser.add_argument
    add("--cluster", action="store_true", help="watch the Ray cluster whose head is here, whichever runs it has")
    add(
        "--folder",
        type=Path,
        metavar="FOLDER",
        help="for data and logs, on a disk of this machine: Prometheus' data does not bear NFS (default: in the run's)",
    )
    add("--prometheus", type=Path, metavar="PROGRAM", help="default: the one on the PATH")
    add("--grafana", type=Path, metavar="PROGRAM", help="default: the one on the PATH or of its package")
    add("--prometheus-port", type=count, metavar="PORT", help="default: that of ray.prometheus_url, where Ray looks")
    add("--grafana-port", type=count, metavar="PORT", help="default: that of ray.grafana_url, where Ray looks")
    add("--every", type=_seconds, default=10, metavar="SECONDS", help="between two scrapes (default: 10)")
    add("--write", type=Path, metavar="FOLDER", help="write dashboards, alerts and configurations, and exit")


def _seconds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 120:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 1 to 120")
    return int(text)
