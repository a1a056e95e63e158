"""Ray for the time of a run: a cluster of its own, or a running one that it joins."""

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from cluster.config.listening import is_loopback
from cluster.config.run_config import ConfigError, RaySettings
from cluster.loop.progress import Progress
from cluster.monitoring.dashboards import LOOP
from cluster.ray.starting import start_ray
from cluster.ray.targets import targets_kept
from learner.settings import OPENMP_ENVIRONMENT

log = logging.getLogger(__name__)

_AUTH_MODE, _TOKEN = "RAY_AUTH_MODE", "token"  # of a Ray that is started here; the default

_ENVIRONMENT = {
    **OPENMP_ENVIRONMENT,  # for samplers as for the learner
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # Ray's new default, which it warns about
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",  # on a busy machine, its 5 s are too few for the proxy's imports
}


class RayUnavailableError(RuntimeError):
    """Ray could not be started or joined; the message says why and what to do."""


@contextmanager
def ray_session(settings: RaySettings, progress: Progress, metrics_targets: Path | None = None) -> Iterator[None]:
    """Start or join Ray, and disconnect at the end of the context. Meanwhile a file may list its metrics ports.

    Raises:
        RayUnavailableError: there is no Ray cluster at the address, or none could be started.
    """
    for name, value in (_ENVIRONMENT | _metrics_environment(settings)).items():
        os.environ.setdefault(name, value)  # inherited by the processes of a Ray that is started here
    import ray

    with progress.phase("Ray"):
        try:
            context = _connect(settings, progress)
        except Exception as error:  # Ray raises this very class where a node does not start in time
            where = f"joined at {settings.address}" if settings.address else "started here"
            raise RayUnavailableError(f"Ray could not be {where}: {error}") from error
    if context.dashboard_url:
        progress.note(f"Ray dashboard: http://{context.dashboard_url} ({_dashboard_hint()})")
    try:
        with targets_kept(metrics_targets) if metrics_targets else nullcontext():
            yield
    finally:
        ray.shutdown()


def _connect(settings: RaySettings, progress: Progress) -> Any:
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if settings.address is not None:
        return ray.init(address=settings.address, **quiet, **_options(settings))
    return start_ray(progress.note, **quiet, **_options(settings))


def _metrics_environment(settings: RaySettings) -> dict[str, str]:
    """What Ray's dashboard reads when it starts; whether anything serves there, it asks again for each page."""
    return {
        "RAY_PROMETHEUS_HOST": settings.prometheus_url,
        "RAY_GRAFANA_HOST": settings.grafana_url,
        "RAY_GRAFANA_DEFAULT_DASHBOARD_UID": LOOP.uid,  # its Metrics tab shows this one
    }


def _dashboard_hint() -> str:
    from ray._private.authentication.authentication_utils import is_token_auth_enabled

    metrics = "its metrics: `automathes monitor`"
    return f"its token: `ray get-auth-token`; {metrics}" if is_token_auth_enabled() else metrics


def _options(settings: RaySettings) -> dict[str, Any]:
    if settings.address is None:
        return {
            "include_dashboard": settings.dashboard,
            "dashboard_host": settings.dashboard_host,
            "dashboard_port": settings.dashboard_port,
        }
    return {"runtime_env": {"env_vars": dict(_ENVIRONMENT)}}


def require_store_for_all_machines(store_url: str) -> None:
    """Raise `ConfigError` if the joined cluster has several machines and the store is a file on one of them."""
    import ray

    count = len(machines(ray.nodes()))
    if count > 1 and store_url.startswith("sqlite"):
        raise ConfigError(
            f"store.url: the cluster has {count} machines, and SQLite is for one: its locks do not hold on a network "
            "file system. Name a PostgreSQL that all of them reach (--set store.url=postgresql://user@host/database)"
        )


def machines(nodes: Iterable[Mapping[str, Any]]) -> set[str]:
    """The host names of the live nodes in `ray.nodes()`; a machine may run several nodes."""
    return {node["NodeManagerHostname"] for node in nodes if node["Alive"]}


def require_dashboard_address(settings: RaySettings) -> None:
    """Raise `ConfigError` if the dashboard is enabled and its port is in use, or open to others without a token."""
    port = settings.dashboard_port
    if not settings.dashboard:
        return
    if os.environ.get(_AUTH_MODE, _TOKEN) != _TOKEN and not is_loopback(settings.dashboard_host):
        raise ConfigError(
            f"ray.dashboard_host: at {settings.dashboard_host} others than this machine reach Ray's dashboard, which "
            f"runs code for them: let it ask for Ray's token ({_AUTH_MODE}=token), or leave it at 127.0.0.1"
        )
    if port == 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigError(
                f"ray.dashboard_port: port {port} is in use; choose another (--set ray.dashboard_port=8266), turn the "
                "dashboard off (--set ray.dashboard=false), or join the Ray that runs there (--set ray.address=auto)"
            ) from None
