"""`automathes serve`: serve the promoted policy with OpenAI's API, until Ctrl-C."""

import argparse
import json
import logging
import os
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from cluster.config.listening import connect_host, free_port
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.token import required_token, shell_name
from cluster.console.interrupt import signals_raise_keyboard_interrupt
from cluster.console.live_view import make_progress
from cluster.console.output import print_line
from cluster.loop.progress import Progress

_APPLICATION = "automathes"
_CHECK_INTERVAL_S = 2.0
_READY_INTERVAL_S = 0.2
_ERROR_LINE = re.compile(r"[\w.]+(Error|Unavailable|Exception): ")


class ServingError(RuntimeError):
    """Ray Serve could not start or keep the policy. The message gives the reason."""


def serve(arguments: argparse.Namespace) -> int:
    """Serve policies until SIGINT or SIGTERM. Port 0 picks a free port.

    Raises:
        ConfigError: the port is in use, the host is not an address of this machine, there is no such run or policy, or
            no safe token for other machines.
        PolicyFolderError: the policy's folder is incomplete.
        ServingError: Ray Serve could not start or keep the policy.
    """
    from cluster.commands.serving.choosing import choose
    from cluster.loop.preparation.storage_checks import require_artifacts_on_all_nodes
    from cluster.ray.nodes import on_nodes
    from cluster.ray.session import ray_session
    from cluster.serving.api.guard import access_with
    from cluster.serving.deployment import Service, make_application
    from cluster.serving.proxy import ENVIRONMENT as PROXY_ENVIRONMENT

    chosen, host = choose(arguments), arguments.host
    port = free_port(host, arguments.port)
    token = required_token(host, arguments.token_file)
    progress = make_progress(Console())
    os.environ.update(PROXY_ENVIRONMENT)  # inherited by a Ray that is started here
    config = chosen.config
    ray = config.ray.model_copy(update={"dashboard": False})  # the run's driver may use the dashboard's port
    targets = None if chosen.run is None else chosen.run.metrics_targets("serve")
    with ray_session(ray, progress, targets), signals_raise_keyboard_interrupt():
        if chosen.run is not None:
            require_artifacts_on_all_nodes(chosen.run, on_nodes)
        service = Service(
            chosen.source,
            config,
            access_with(token),
            chosen.versions,
            collect=arguments.collect,
            value_model=chosen.value_model,
        )
        with _serving(make_application(service), config, host, port, progress):
            shown_as = None if token is None else shell_name(arguments.token_file)
            print_line(_welcome(chosen, host, port, shown_as, collect=arguments.collect))
            _wait_for_ctrl_c()
            progress.note("shutting down")
    return 0


@contextmanager
def _serving(application: Any, config: RunConfig, host: str, port: int, progress: Progress) -> Iterator[None]:
    """Run Ray Serve with the application for the time of the context."""
    from ray import serve
    from ray.exceptions import RayError

    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # the progress shows the steps
    if config.ray.address is not None and serve.status().proxies:
        raise ConfigError(
            f"Ray Serve already runs on the cluster at {config.ray.address}: end it there first (`serve shutdown`)"
        )
    try:
        with progress.phase("HTTP server"):
            try:
                serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})
                serve.run(application, name=_APPLICATION)
            except (RuntimeError, ValueError, RayError) as error:
                raise _serving_error(str(error)) from error
        with progress.phase("policy"):
            _wait_until_ready(f"http://{connect_host(host)}:{port}/ready")
        yield
    finally:
        serve.delete(_APPLICATION)  # lets the replica stop its engine and its sandbox
        if config.ray.address is not None:
            serve.shutdown()  # a Ray that we started ends with everything in it


def _wait_until_ready(url: str) -> None:
    """Wait until the policy is loaded; the engine has limits of its own.

    Raises:
        ServingError: it cannot be loaded.
    """
    import httpx

    while True:
        try:
            reply = httpx.get(url, timeout=_CHECK_INTERVAL_S)
        except httpx.TransportError:
            reply = None
        if reply is not None and reply.is_success:
            return
        if reply is not None and (error := reply.json()["error"])["code"] == "not_loadable":
            raise ServingError(f"the policy could not be served: {error['message']}")
        _require_deployed()
        time.sleep(_READY_INTERVAL_S)


def _wait_for_ctrl_c() -> None:
    """Wait for Ctrl-C. Raise `ServingError` if Ray Serve gives the application up."""
    try:
        while True:
            time.sleep(_CHECK_INTERVAL_S)
            _require_deployed()
    except KeyboardInterrupt:
        return


def _require_deployed() -> None:
    from ray import serve

    application = serve.status().applications.get(_APPLICATION)
    if application is None or application.status == "DEPLOY_FAILED":
        raise _serving_error("Ray Serve lost the application")


def _serving_error(default: str) -> ServingError:
    """The last error that Ray Serve recorded of the replica, or `default`. The traceback is in Ray's logs."""
    from ray import serve

    application = serve.status().applications.get(_APPLICATION)
    messages = [deployment.message for deployment in application.deployments.values()] if application else []
    lines = [line.strip() for line in "\n".join(messages).splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return ServingError(f"the policy could not be served: {(errors or lines or [default])[-1]}")


def _welcome(chosen: Any, host: str, port: int, token_shown_as: str | None, *, collect: bool) -> str:
    from cluster.serving.policies.run_policies import model_name

    name, url = model_name(chosen.source.name), f"http://{connect_host(host)}:{port}"
    follows = chosen.run is not None and chosen.versions.pinned is None
    authorization = f' -H "Authorization: Bearer {token_shown_as}"' if token_shown_as else ""
    body = json.dumps({"model": name, "messages": [{"role": "user", "content": chosen.question}]})
    return "\n".join(
        (
            f"serving {model_name(chosen.source.name, chosen.version)} at {url}/v1 (Ctrl-C stops it)",
            *(f"beside it: {model_name(chosen.source.name, version)}" for version in chosen.versions.beside),
            *([f"value model {chosen.value_model.version} ranks attempts"] if chosen.value_model else []),
            *(["questions, answers and ratings are kept: `automathes review --collected`"] if collect else []),
            *([f"the model id {name} follows the run's promotions"] if follows else []),
            f"try it at {url}/, or:",
            f"curl {url}/v1/chat/completions -H 'Content-Type: application/json'{authorization} -d {shlex.quote(body)}",
        )
    )
