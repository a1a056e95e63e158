"""`automathes serve`: the promoted policy behind OpenAI's API, until it is told to stop."""

import json
import logging
import re
import shlex
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.config.placement import carried_over
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.loop.progress import Progress

_APPLICATION = "automathes"
_LOOK_EVERY_S = 2.0
_ERROR_LINE = re.compile(r"[\w.]+(Error|Unavailable|Exception): ")
_EXAMPLE_QUESTION = "What is 12 * 34?"


class ServingError(RuntimeError):
    """Ray Serve could not start the policy, or lost it; the message says why."""


def serve_run(runs: Path, run: Path | None, host: str, port: int) -> int:
    """Serves a run's promoted policy until SIGINT or SIGTERM; returns the exit code.

    Port 0 takes a free one.

    Raises:
        ConfigError: the port is taken, the host is none of this machine's, or the run has no promoted policy.
        PolicyFolderError: the policy's folder lacks something.
        ServingError: the policy could not be started or was lost.
    """
    from rich.console import Console

    from cluster.console.live_view import make_progress
    from cluster.loop.ray_session import ray_session

    folder = find_run_folder(runs, run)
    config = carried_over(folder.read_config())
    version, question = _what_to_serve(folder, config)
    port = _free_port(host, port)
    progress = make_progress(Console())
    ray = config.ray.model_copy(update={"dashboard": False})  # the run's driver may have its own on that port
    with (
        ray_session(ray, progress),
        _terminates_like_ctrl_c(),
        _serving(folder, config, host, port, progress),
    ):
        print(_welcome(folder, version, question, host, port), flush=True)  # noqa: T201 - a line to paste is not wrapped
        _wait_for_ctrl_c()
        progress.note("shutting down")
    return 0


def _what_to_serve(folder: RunFolder, config: RunConfig) -> tuple[int, str]:
    """The promoted version, and a question that it was not trained on, to try."""
    from cluster.serving.promoted import find_promoted, policy_path
    from learner.policy_folder import check_policy_folder
    from store.records import Split
    from store.store import Store

    with Store.open(folder.store_url(config), create=False) as store:
        policy = find_promoted(store, folder)
        unseen = next(store.problems.iterate(Split.HELDOUT, limit=1), None)
    check_policy_folder(policy_path(policy, folder))
    return policy.version, _EXAMPLE_QUESTION if unseen is None else unseen.question


def _free_port(host: str, port: int) -> int:
    """The port, or a free one for 0."""
    if port > 65535:
        raise ConfigError(f"--port {port}: ports end at 65535")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise ConfigError(f"--host {host}: no such host ({error.strerror})") from None
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise ConfigError(f"port {port} needs root: choose one above 1023 with --port") from None
        except OSError as error:
            raise ConfigError(_why_not(host, port, error)) from None
        return int(probe.getsockname()[1])


def _why_not(host: str, port: int, error: OSError) -> str:
    import errno

    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine: 127.0.0.1 serves it alone, 0.0.0.0 the network too"
    return f"port {port} on {host} is in use: choose another with --port, or --port 0 for any that is free"


@contextmanager
def _terminates_like_ctrl_c() -> Iterator[None]:
    """Either signal raises KeyboardInterrupt, so that everything is shut down.

    At SIGTERM Ray would just exit; and a process that a shell started in the background ignores SIGINT.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _serving(folder: RunFolder, config: RunConfig, host: str, port: int, progress: Progress) -> Iterator[None]:
    """Ray Serve with the application on it."""
    from ray import serve
    from ray.exceptions import RayError

    from cluster.serving.deployment import make_application

    logging.getLogger("ray.serve").setLevel(logging.ERROR)  # the progress tells of its steps
    if config.ray.address is not None and serve.status().proxies:
        raise ConfigError(
            f"Ray Serve runs already on the cluster at {config.ray.address}: end it there (`serve shutdown`) first"
        )
    try:
        with progress.phase("policy and HTTP server"):
            try:
                serve.start(proxy_location="HeadOnly", http_options={"host": host, "port": port})
                serve.run(make_application(folder, config), name=_APPLICATION)
            except (RuntimeError, ValueError, RayError) as error:
                raise _failure(str(error)) from error
        yield
    finally:
        serve.delete(_APPLICATION)  # lets the replica end its engine and its sandbox
        if config.ray.address is not None:
            serve.shutdown()  # a Ray of our own ends with all that is in it


def _wait_for_ctrl_c() -> None:
    """A replica that was lost for good ends the wait too, with an exception."""
    from ray import serve

    try:
        while True:
            time.sleep(_LOOK_EVERY_S)
            application = serve.status().applications.get(_APPLICATION)
            if application is None or application.status == "DEPLOY_FAILED":
                raise _failure("Ray Serve lost the application")
    except KeyboardInterrupt:
        return


def _failure(otherwise: str) -> ServingError:
    """What Serve recorded of the replica; its traceback is in Ray's logs."""
    from ray import serve

    application = serve.status().applications.get(_APPLICATION)
    messages = [deployment.message for deployment in application.deployments.values()] if application else []
    lines = [line.strip() for line in "\n".join(messages).splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR_LINE.match(line)]
    return ServingError(f"the policy could not be served: {(errors or lines or [otherwise])[-1]}")


def _welcome(folder: RunFolder, version: int, question: str, host: str, port: int) -> str:
    from cluster.serving.promoted import model_name

    url = f"http://{_reachable(host)}:{port}/v1"
    body = json.dumps({"model": model_name(folder), "messages": [{"role": "user", "content": question}]})
    return "\n".join(
        (
            f"serving {model_name(folder, version)} at {url} (Ctrl-C stops)",
            f"the model id {model_name(folder)} follows the run's promotions; try it:",
            f"curl {url}/chat/completions -H 'Content-Type: application/json' -d {shlex.quote(body)}",
        )
    )


def _reachable(host: str) -> str:
    """A host to connect to, for one to listen on."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "localhost"
    return f"[{host}]" if ":" in host else host
