"""`automathes serve`: serve the promoted policy with OpenAI's chat completions API, until Ctrl-C."""

import argparse
import json
import logging
import re
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from cluster.config.listening import connect_host, free_port
from cluster.config.placement import adapt_placement
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.interrupt import signals_raise_keyboard_interrupt
from cluster.console.live_view import make_progress
from cluster.console.output import print_line
from cluster.loop.progress import Progress

_APPLICATION = "automathes"
_CHECK_INTERVAL_S = 2.0
_ERROR_LINE = re.compile(r"[\w.]+(Error|Unavailable|Exception): ")
_EXAMPLE_QUESTION = "What is 12 * 34?"


class ServingError(RuntimeError):
    """Ray Serve could not start or keep the policy. The message gives the reason."""


def serve(arguments: argparse.Namespace) -> int:
    """Serve a run's promoted policy until SIGINT or SIGTERM. Port 0 picks a free port.

    Raises:
        ConfigError: the port is in use, the host is not an address of this machine, or the run has no promoted policy.
        PolicyFolderError: the policy's folder is incomplete.
        ServingError: Ray Serve could not start or keep the policy.
    """
    from cluster.loop.preparation.storage_checks import require_artifacts_on_all_nodes
    from cluster.ray.nodes import on_nodes
    from cluster.ray.session import ray_session

    folder, host = find_run_folder(arguments.runs, arguments.run), arguments.host
    config = adapt_placement(folder.read_config())
    version, question = _promoted_and_example(folder, config)
    port = free_port(host, arguments.port)
    progress = make_progress(Console())
    ray = config.ray.model_copy(update={"dashboard": False})  # the run's driver may use the dashboard's port
    with ray_session(ray, progress), signals_raise_keyboard_interrupt():
        require_artifacts_on_all_nodes(folder, on_nodes)
        with _serving(folder, config, host, port, progress):
            print_line(_welcome(folder, version, question, host, port))
            _wait_for_ctrl_c()
            progress.note("shutting down")
    return 0


def _promoted_and_example(folder: RunFolder, config: RunConfig) -> tuple[int, str]:
    """The promoted version, and a held-out question as an example."""
    from cluster.serving.promoted import find_promoted, locate_policy
    from learner.policy_folder import check_policy_folder
    from store.records import Split

    with folder.open_store(config) as store:
        policy = find_promoted(store, folder)
        heldout = next(store.problems.iterate(Split.HELDOUT, limit=1), None)
    check_policy_folder(locate_policy(policy, folder).path)
    return policy.version, _EXAMPLE_QUESTION if heldout is None else heldout.question


@contextmanager
def _serving(folder: RunFolder, config: RunConfig, host: str, port: int, progress: Progress) -> Iterator[None]:
    """Run Ray Serve with the application for the time of the context."""
    from ray import serve
    from ray.exceptions import RayError

    from cluster.serving.deployment import make_application

    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # the progress shows the steps
    if config.ray.address is not None and serve.status().proxies:
        raise ConfigError(
            f"Ray Serve already runs on the cluster at {config.ray.address}: end it there first (`serve shutdown`)"
        )
    try:
        with progress.phase("policy and HTTP server"):
            try:
                serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})
                serve.run(make_application(folder, config), name=_APPLICATION)
            except (RuntimeError, ValueError, RayError) as error:
                raise _serving_error(str(error)) from error
        yield
    finally:
        serve.delete(_APPLICATION)  # lets the replica stop its engine and its sandbox
        if config.ray.address is not None:
            serve.shutdown()  # a Ray that we started ends with everything in it


def _wait_for_ctrl_c() -> None:
    """Wait for Ctrl-C. Raise `ServingError` if Ray Serve gives the application up."""
    from ray import serve

    try:
        while True:
            time.sleep(_CHECK_INTERVAL_S)
            application = serve.status().applications.get(_APPLICATION)
            if application is None or application.status == "DEPLOY_FAILED":
                raise _serving_error("Ray Serve lost the application")
    except KeyboardInterrupt:
        return


def _serving_error(default: str) -> ServingError:
    """The last error that Ray Serve recorded of the replica, or `default`. The traceback is in Ray's logs."""
    from ray import serve

    application = serve.status().applications.get(_APPLICATION)
    messages = [deployment.message for deployment in application.deployments.values()] if application else []
    lines = [line.strip() for line in "\n".join(messages).splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return ServingError(f"the policy could not be served: {(errors or lines or [default])[-1]}")


def _welcome(folder: RunFolder, version: int, question: str, host: str, port: int) -> str:
    from cluster.serving.promoted import model_name

    url = f"http://{connect_host(host)}:{port}/v1"
    body = json.dumps({"model": model_name(folder), "messages": [{"role": "user", "content": question}]})
    return "\n".join(
        (
            f"serving {model_name(folder, version)} at {url} (Ctrl-C stops it)",
            f"the model id {model_name(folder)} follows the run's promotions. Try it:",
            f"curl {url}/chat/completions -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        )
    )
