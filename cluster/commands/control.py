"""`automathes pause`, `resume`, `stop` and `scale`: requests to a run, which its driver obeys."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.output import print_line
from cluster.loop.requests import request_samplers, request_state
from store.runs.run_state import DesiredState
from store.store import Store

STORE_VARIABLE = "AUTOMATHES_STORE_URL"
"""Names the store of a run where its folder is out of reach. In the environment, since it may hold a password."""


def control(arguments: argparse.Namespace) -> int:
    """Set the desired state of a run and print what happens next.

    Raises:
        ConfigError: there is no such run, or it has no driver that could pause or resume it.
    """
    with _chosen(arguments.runs, arguments.run) as (store, name, folder):
        print_line(request_state(store, name, DesiredState(arguments.desired), folder))
    return 0


def scale(arguments: argparse.Namespace) -> int:
    """Set the number of samplers of a run; a driver that is at work adds or removes them at once.

    Raises:
        ConfigError: there is no such run, or the number is 0.
    """
    with _chosen(arguments.runs, arguments.run) as (store, name, folder):
        print_line(request_samplers(store, name, arguments.samplers, folder))
    return 0


@contextmanager
def _chosen(runs: Path, run: Path | None) -> Iterator[tuple[Store, str, RunFolder | None]]:
    """The store, the name and the folder of the chosen run: by its folder, or else by the store in the environment."""
    url = os.environ.get(STORE_VARIABLE)
    if url and run is None:
        with Store.open(url, create=False) as store:
            yield store, f"of the store {store.masked_url}", None
        return
    try:
        folder = find_run_folder(runs, run)
    except ConfigError as error:
        raise ConfigError(f"{error}. Where its folder is out of reach, {STORE_VARIABLE} may name its store") from None
    with folder.open_store(folder.read_config()) as store:
        yield store, folder.path.name, folder
