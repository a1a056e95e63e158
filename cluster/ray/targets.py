"""What Prometheus is to scrape: the metrics ports of a Ray session, kept in a file in its format for discovery.

Ray keeps such a file, too, but only while its dashboard runs, and only on the head; and under /tmp/ray there is one for
all sessions of a machine.
"""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.config.listening import connect_host

log = logging.getLogger(__name__)

_EVERY_S = 5.0


@contextmanager
def targets_kept(file: Path) -> Iterator[None]:
    """Keep the addresses of the connected Ray's nodes in `file` for the time of the context, as nodes come and go."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep, args=(file, stop), name="metrics targets", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=_EVERY_S)
        file.unlink(missing_ok=True)


def _keep(file: Path, stop: threading.Event) -> None:
    from ray.exceptions import RayError

    written: list[str] | None = None
    while not stop.is_set():
        try:
            addresses = metrics_addresses()
            if addresses != written:
                _write(file, addresses)
                written = addresses
        except (RayError, RuntimeError, OSError) as error:  # Ray's head may be away, or the disk full
            log.warning("the list of what Prometheus scrapes was not written to %s: %s", file, error)
        stop.wait(_EVERY_S)


def metrics_addresses() -> list[str]:
    """The addresses (host:port) at which the live nodes of the connected Ray serve metrics, their actors' included."""
    import ray

    nodes = (node for node in ray.nodes() if node["Alive"])
    return sorted(f"{connect_host(node['NodeManagerAddress'])}:{node['MetricsExportPort']}" for node in nodes)


def _write(file: Path, addresses: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_suffix(".tmp")
    aside.write_text(json.dumps([{"labels": {"job": "ray"}, "targets": addresses}]), encoding="utf-8")
    aside.replace(file)
