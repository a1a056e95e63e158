"""The programs of Prometheus and Grafana: where they are on this machine, and how to get them."""

import shutil
from pathlib import Path

from cluster.config.run_config import ConfigError

GET_PROMETHEUS = (
    "Debian, Ubuntu: apt-get install prometheus, then systemctl disable --now prometheus, as this command starts its "
    "own. Elsewhere: unpack the archive of prometheus.io and name its program with --prometheus"
)
GET_GRAFANA = (
    "from grafana.com: Debian and RPM packages, or an archive to unpack, whose bin/grafana is named with --grafana. "
    "Debian itself has none. cluster/ray/docker/compose.yaml has both as containers"
)

_GRAFANA_HOMES = (Path("/usr/share/grafana"), Path("/opt/grafana"))


def find_prometheus(chosen: Path | None) -> Path | None:
    """The chosen program, or the one on the PATH; None without one. Raises `ConfigError` for a wrong choice."""
    return _chosen(chosen, "--prometheus") or _on_path("prometheus")


def find_grafana(chosen: Path | None) -> Path | None:
    """The chosen program, or the one on the PATH or in its package's folder. Raises as `find_prometheus`."""
    places = [home / "bin" / name for home in _GRAFANA_HOMES for name in ("grafana", "grafana-server")]
    installed = (place for place in places if place.is_file())
    return _chosen(chosen, "--grafana") or _on_path("grafana") or _on_path("grafana-server") or next(installed, None)


def grafana_home(program: Path) -> Path:
    """The folder with Grafana's pages, for its program.

    Raises:
        ConfigError: it is neither beside the program nor where packages put it.
    """
    beside = (program.resolve().parent.parent, program.resolve().parent.parent / "share/grafana")
    homes = (*beside, *_GRAFANA_HOMES)
    home = next((home for home in homes if (home / "public").is_dir()), None)
    if home is None:
        raise ConfigError(
            f"{program} has no folder `public` beside it, in which Grafana has its pages: name bin/grafana of an "
            "unpacked archive with --grafana"
        )
    return home


def _chosen(program: Path | None, option: str) -> Path | None:
    if program is not None and shutil.which(program) is None:
        raise ConfigError(f"{option} {program} is not a program that can be run")
    return program


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
